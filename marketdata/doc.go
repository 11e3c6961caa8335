// Package marketdata is the contract of price sources, and what one builds from
// several: a ladder of fallbacks, a rule of freshness, prices from history.
//
// # What a source promises
//
// [PriceSource.Quotes] names every instrument it was asked for exactly once:
// in Quotes.Found with a price, or in Quotes.Missing with the reason. A missing
// price is never a zero price. An error means that nothing at all is known.
//
// Each quote says of which [Tier] it is and when it was made. A source never
// passes a price of a lesser tier off as a better one. Which tiers and ages may
// size an order is the planner's policy, not the source's business.
//
// Fields that the source has not are invalid ([decimal.NullDecimal]), as are
// those that are zero, negative or the broker's word for "none". A quote whose
// bid is above its ask is passed on as it is: the planner decides.
//
// Prices are per unit in the instrument's currency, unadjusted unless the
// source says otherwise.
//
// Sources are safe for concurrent use and block no longer than ctx.
//
// # What the package builds
//
// [Static] gives quotes that the program sets, [HistorySource] the closing
// prices of a [History] as they were known at a time, for backtests. [Ladder]
// asks several sources one after the other. [Fresh] and [Sane] refuse quotes of
// another source by age and by distance from the previous close; inside a ladder,
// what they refuse is asked of the next rung. All of them report what they
// refuse as missing, with the reason, and take no answer apart: a quote is used
// whole or not at all. [Quotes.Check] finds out a source that breaks its promises.
//
// To check a source, run the suite in package marketdatatest.
package marketdata
