package gatewaysim

import (
	"strconv"
	"strings"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// writeText writes the fields of an answer after its id.
func writeText(w *fieldWriter, version int, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.NextValidId:
		w.str("1")
		w.int(int64(m.GetOrderId()))
	case *protobuf.ManagedAccounts:
		w.str("1", m.GetAccountsList())
	case *protobuf.CurrentTime:
		w.str("1")
		w.int(m.GetCurrentTime())
	case *protobuf.CurrentTimeInMillis:
		w.int(m.GetCurrentTimeInMillis())
	case *protobuf.UserInfo:
		w.int(int64(m.GetReqId()))
		w.str(m.GetWhiteBrandingId())
	case *protobuf.ErrorMessage:
		writeError(w, version, m)
	case *protobuf.OrderStatus:
		writeOrderStatus(w, m)
	case *protobuf.OpenOrder:
		writeOpenOrder(w, version, m)
	case *protobuf.CompletedOrder:
		writeCompletedOrder(w, version, m)
	case *protobuf.OpenOrdersEnd, *protobuf.PositionEnd:
		w.str("1")
	case *protobuf.CompletedOrdersEnd:
	case *protobuf.ExecutionDetails:
		writeExecution(w, version, m)
	case *protobuf.ExecutionDetailsEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.CommissionAndFeesReport:
		w.str("1", m.GetExecId())
		w.float(m.GetCommissionAndFees())
		w.str(m.GetCurrency())
		w.sentinel(m.RealizedPNL)
		w.sentinel(m.BondYield)
		w.str(m.GetYieldRedemptionDate())
	default:
		writeAccountText(w, m)
		writeMarketText(w, version, m)
	}
}

func writeEnd(w *fieldWriter, reqID int32) {
	w.str("1")
	w.int(int64(reqID))
}

func writeError(w *fieldWriter, version int, m *protobuf.ErrorMessage) {
	if version < verErrorTime {
		w.str("2")
	}
	w.int(int64(m.GetId()))
	w.int(int64(m.GetErrorCode()))
	w.str(escape(m.GetErrorMsg()))
	if version >= verAdvancedReject {
		w.str(m.GetAdvancedOrderRejectJson())
	}
	if version >= verErrorTime {
		w.int(m.GetErrorTime())
	}
}

// escape writes text in ASCII, as all servers that the simulator plays do.
func escape(s string) string {
	return strings.ReplaceAll(strings.Trim(strconv.QuoteToASCII(s), `"`), `\"`, `"`)
}

func writeAccountText(w *fieldWriter, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.AccountValue:
		w.str("2", m.GetKey(), m.GetValue(), m.GetCurrency(), m.GetAccountName())
	case *protobuf.AccountUpdateTime:
		w.str("1", m.GetTimeStamp())
	case *protobuf.AccountDataEnd:
		w.str("1", m.GetAccountName())
	case *protobuf.AccountSummary:
		writeEnd(w, m.GetReqId())
		w.str(m.GetAccount(), m.GetTag(), m.GetValue(), m.GetCurrency())
	case *protobuf.AccountSummaryEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.PositionMultiEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.AccountUpdateMulti:
		writeEnd(w, m.GetReqId())
		w.str(m.GetAccount(), m.GetModelCode(), m.GetKey(), m.GetValue(), m.GetCurrency())
	case *protobuf.AccountUpdateMultiEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.PortfolioValue:
		w.str("8")
		c := m.GetContract()
		writeContractHead(w, c)
		w.str(multiplier(c), c.GetPrimaryExch(), c.GetCurrency(), c.GetLocalSymbol(), c.GetTradingClass(), m.GetPosition())
		w.float(m.GetMarketPrice())
		w.float(m.GetMarketValue())
		w.float(m.GetAverageCost())
		w.float(m.GetUnrealizedPNL())
		w.float(m.GetRealizedPNL())
		w.str(m.GetAccountName())
	case *protobuf.Position:
		w.str("3", m.GetAccount())
		writeContract(w, m.GetContract())
		w.str(m.GetPosition())
		w.float(m.GetAvgCost())
	case *protobuf.PositionMulti:
		writeEnd(w, m.GetReqId())
		w.str(m.GetAccount())
		writeContract(w, m.GetContract())
		w.str(m.GetPosition())
		w.float(m.GetAvgCost())
		w.str(m.GetModelCode())
	}
}

// writeContractHead writes conId to right.
func writeContractHead(w *fieldWriter, c *protobuf.Contract) {
	w.int(int64(c.GetConId()))
	w.str(c.GetSymbol(), c.GetSecType(), c.GetLastTradeDateOrContractMonth())
	w.float(c.GetStrike())
	w.str(c.GetRight())
}

// writeContract writes conId to tradingClass, without the primary exchange.
func writeContract(w *fieldWriter, c *protobuf.Contract) {
	writeContractHead(w, c)
	w.str(multiplier(c), c.GetExchange(), c.GetCurrency(), c.GetLocalSymbol(), c.GetTradingClass())
}

func multiplier(c *protobuf.Contract) string {
	if c.Multiplier == nil {
		return ""
	}
	return formatFloat(c.GetMultiplier())
}

func writeExecution(w *fieldWriter, version int, m *protobuf.ExecutionDetails) {
	e := m.GetExecution()
	w.int(int64(m.GetReqId()))
	w.int(int64(e.GetOrderId()))
	writeContract(w, m.GetContract())
	w.str(e.GetExecId(), e.GetTime(), e.GetAcctNumber(), e.GetExchange(), e.GetSide(), e.GetShares())
	w.float(e.GetPrice())
	w.int(e.GetPermId())
	w.int(int64(e.GetClientId()))
	w.bool(e.GetIsLiquidation())
	w.str(e.GetCumQty())
	w.float(e.GetAvgPrice())
	w.str(e.GetOrderRef(), e.GetEvRule())
	w.optional(e.EvMultiplier)
	w.str(e.GetModelCode())
	w.int(int64(e.GetLastLiquidity()))
	if version >= verPriceRevision {
		w.bool(e.GetIsPriceRevisionPending())
	}
	if version >= verSubmitter {
		w.str(e.GetSubmitter())
	}
}

func writeMarketText(w *fieldWriter, version int, m proto.Message) {
	switch m := m.(type) {
	case *protobuf.ContractData:
		writeContractData(w, version, m)
	case *protobuf.ContractDataEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.SymbolSamples:
		writeSymbolSamples(w, version, m)
	case *protobuf.TickPrice:
		w.str("6")
		w.int(int64(m.GetReqId()))
		w.int(int64(m.GetTickType()))
		w.float(m.GetPrice())
		w.str(m.GetSize())
		w.int(int64(m.GetAttrMask()))
	case *protobuf.TickSize:
		w.str("6")
		w.int(int64(m.GetReqId()))
		w.int(int64(m.GetTickType()))
		w.str(m.GetSize())
	case *protobuf.TickString:
		w.str("6")
		w.int(int64(m.GetReqId()))
		w.int(int64(m.GetTickType()))
		w.str(m.GetValue())
	case *protobuf.TickReqParams:
		w.int(int64(m.GetReqId()))
		w.str(m.GetMinTick(), m.GetBboExchange())
		w.int(int64(m.GetSnapshotPermissions()))
	case *protobuf.TickSnapshotEnd:
		writeEnd(w, m.GetReqId())
	case *protobuf.MarketDataType:
		writeEnd(w, m.GetReqId())
		w.int(int64(m.GetMarketDataType()))
	case *protobuf.HistoricalData:
		w.int(int64(m.GetReqId()))
		writeHistory(w, m)
	case *protobuf.HistoricalDataEnd:
		w.int(int64(m.GetReqId()))
		w.str(m.GetStartDateStr(), m.GetEndDateStr())
	case *historyWithDates:
		w.int(int64(m.GetReqId()))
		w.str(m.start, m.end)
		writeHistory(w, m.HistoricalData)
	}
}

func writeSymbolSamples(w *fieldWriter, version int, m *protobuf.SymbolSamples) {
	w.int(int64(m.GetReqId()))
	w.int(int64(len(m.GetContractDescriptions())))
	for _, d := range m.GetContractDescriptions() {
		c := d.GetContract()
		w.int(int64(c.GetConId()))
		w.str(c.GetSymbol(), c.GetSecType(), c.GetPrimaryExch(), c.GetCurrency())
		w.int(int64(len(d.GetDerivativeSecTypes())))
		w.str(d.GetDerivativeSecTypes()...)
		if version >= verBondIssuer {
			w.str(c.GetDescription(), c.GetIssuerId())
		}
	}
}

func writeContractData(w *fieldWriter, version int, m *protobuf.ContractData) {
	c, d := m.GetContract(), m.GetContractDetails()
	if version < verSizeRules {
		w.str("8")
	}
	w.int(int64(m.GetReqId()))
	w.str(c.GetSymbol(), c.GetSecType(), c.GetLastTradeDateOrContractMonth())
	if version >= verLastTradeDate {
		w.str(c.GetLastTradeDate())
	}
	w.float(c.GetStrike())
	w.str(c.GetRight(), c.GetExchange(), c.GetCurrency(), c.GetLocalSymbol(), d.GetMarketName(), c.GetTradingClass())
	w.int(int64(c.GetConId()))
	w.str(d.GetMinTick())
	if version < verSizeRules {
		w.str("1") // size multiplier
	}
	w.str(multiplier(c), d.GetOrderTypes(), d.GetValidExchanges())
	w.int(int64(d.GetPriceMagnifier()))
	w.int(int64(d.GetUnderConId()))
	w.str(escape(d.GetLongName()), c.GetPrimaryExch(), d.GetContractMonth(), d.GetIndustry(), d.GetCategory(), d.GetSubcategory())
	w.str(d.GetTimeZoneId(), d.GetTradingHours(), d.GetLiquidHours(), d.GetEvRule())
	w.int(int64(d.GetEvMultiplier()))
	w.str("0") // security ids
	w.int(int64(d.GetAggGroup()))
	w.str(d.GetUnderSymbol(), d.GetUnderSecType(), d.GetMarketRuleIds(), d.GetRealExpirationDate(), d.GetStockType())
	if version < verSizeRules {
		w.str(d.GetMinSize())
	} else {
		w.str(d.GetMinSize(), d.GetSizeIncrement(), d.GetSuggestedSizeIncrement())
	}
	if version >= verIneligibility {
		w.str("0")
	}
}
