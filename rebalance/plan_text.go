package rebalance

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/broker"
)

// Explain says in sentences what the plan does and why, one line a symbol.
func (p *Plan) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", p.Outcome)
	if p.Reason != "" {
		fmt.Fprintf(&b, " (%s)", p.Reason)
	}
	if p.Detail != "" {
		fmt.Fprintf(&b, ": %s", p.Detail)
	}
	b.WriteString(".\n")
	if p.Outcome == PlanRejected || p.Outcome == PlanNotReady {
		return b.String()
	}
	fmt.Fprintf(&b, "Equity is %s, of which %s are excluded and %s reserved; %s are investable. Cash after all orders: %s.\n",
		brief(p.Equity), brief(p.Excluded), brief(p.Reserve), brief(p.Investable), brief(p.ProjectedCash))
	for _, c := range p.Conversions {
		fmt.Fprintf(&b, "Convert %s into %s %s first.\n", c.From, brief(c.Amount), c.To)
	}
	for i := range p.Explanations {
		p.Explanations[i].sentence(&b)
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "Warning: %s.\n", strings.ReplaceAll(w, "_", " "))
	}
	return b.String()
}

// sentence writes what happens to a symbol.
func (e *Explanation) sentence(b *strings.Builder) {
	fmt.Fprintf(b, "%s is worth %s and should be worth %s", e.Symbol, e.text(FigureValue), e.text(FigureDesired))
	if e.has(FigureThreshold) {
		fmt.Fprintf(b, " ± %s", e.text(FigureThreshold))
	}
	switch e.Side {
	case broker.Sell:
		fmt.Fprintf(b, ": sell %s at %s or more (%s), which brings %s; %s could be sold",
			e.text(FigureQuantity), e.text(FigureLimit), e.Order, e.text(FigureProceeds), e.text(FigureSellable))
	case broker.Buy:
		fmt.Fprintf(b, ": buy %s of %s wanted at %s or less (%s), which costs %s of %s that could be spent",
			e.text(FigureQuantity), e.text(FigureWantedUnits), e.text(FigureLimit), e.Order, e.text(FigureCost), e.text(FigureSpendable))
	}
	if e.Skip != "" {
		fmt.Fprintf(b, "; %s", e.skipText())
	}
	b.WriteString(".\n")
}

// skipText says why a symbol does not move, or not fully.
func (e *Explanation) skipText() string {
	switch e.Skip {
	case ReasonWithinBand:
		return "it stays, that is inside its band"
	case ReasonRestricted:
		return "it, or a part of it, may not be traded"
	case ReasonBelowMinTrade:
		return fmt.Sprintf("the trade would be smaller than %s, or bring nothing", e.text(FigureMinTrade))
	case ReasonBelowLot:
		return fmt.Sprintf("the difference is less than a lot at a price of %s", e.text(FigurePrice))
	case ReasonUnfunded, ReasonCurrencyCash:
		return fmt.Sprintf("no buy (%s): %s is missing, which would cost %s; of %s that could be spent, %s is left",
			e.Skip, e.text(FigureWanted), e.text(FigureCost), e.text(FigureSpendable), e.text(FigureCashLeft))
	case ReasonResidualFraction:
		return "less than a lot of it stays behind"
	case ReasonCrossingZero:
		return "the short position is covered first, the next run buys"
	case ReasonOpenOrder:
		return "an open order of somebody else works the other way"
	case ReasonMissingPrice, ReasonUntradableQuote, ReasonCorporateActionSuspected:
		return fmt.Sprintf("it is frozen (%s)", e.Skip)
	}
	return string(e.Skip)
}

// Table is the plan as an aligned table, one row a symbol.
func (p *Plan) Table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "symbol\tvalue\tdesired\tband\tprice\tside\twanted\tquantity\tlimit\tcost\tproceeds\twhy\t\n")
	for i := range p.Explanations {
		e := &p.Explanations[i]
		why := string(e.Order)
		switch {
		case e.Order == "":
			why = "skipped: " + string(e.Skip)
		case e.Skip != "":
			why += ", " + string(e.Skip)
		}
		side := string(e.Side)
		if side == "" {
			side = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", e.Symbol, e.text(FigureValue), e.text(FigureDesired),
			e.text(FigureThreshold), e.text(FigurePrice), side, e.text(FigureWantedUnits), e.text(FigureQuantity),
			e.text(FigureLimit), e.text(FigureCost), e.text(FigureProceeds), why)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}
