package gatewaysim

import (
	"strconv"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// readText reads the fields of a request after its id. The caller checks r.err.
func readText(version, id int, r *fieldReader) proto.Message {
	switch id {
	case reqPlaceOrder:
		return readPlaceOrder(version, r)
	case reqCancelOrder:
		return readCancelOrder(version, r)
	case reqMktData:
		return readMktData(r)
	case reqHistory:
		return readHistory(r)
	case reqContractData:
		return readContractData(version, r)
	case reqExecutions:
		return readExecutions(version, r)
	case reqCompletedOrders:
		return &protobuf.CompletedOrdersRequest{ApiOnly: proto.Bool(r.bool())}
	case reqMatchingSymbols:
		return &protobuf.MatchingSymbolsRequest{ReqId: proto.Int32(r.int()), Pattern: proto.String(r.str())}
	case reqUserInfo:
		return &protobuf.UserInfoRequest{ReqId: proto.Int32(r.int())}
	case reqCurrentTimeMillis:
		return &protobuf.CurrentTimeInMillisRequest{}
	case reqGlobalCancel:
		return &protobuf.GlobalCancelRequest{}
	}
	r.skip(1) // the message's own version
	return readVersioned(id, r)
}

// readVersioned reads the plain requests that begin with a version.
func readVersioned(id int, r *fieldReader) proto.Message {
	switch id {
	case reqStartAPI:
		return &protobuf.StartApiRequest{ClientId: proto.Int32(r.int()), OptionalCapabilities: proto.String(r.str())}
	case reqCancelMktData:
		return &protobuf.CancelMarketData{ReqId: proto.Int32(r.int())}
	case reqOpenOrders:
		return &protobuf.OpenOrdersRequest{}
	case reqAccountData:
		return &protobuf.AccountDataRequest{Subscribe: proto.Bool(r.bool()), AcctCode: proto.String(r.str())}
	case reqIDs:
		return &protobuf.IdsRequest{NumIds: proto.Int32(r.int())}
	case reqLogLevel:
		return &protobuf.SetServerLogLevelRequest{LogLevel: proto.Int32(r.int())}
	case reqAutoOpenOrders:
		return &protobuf.AutoOpenOrdersRequest{AutoBind: proto.Bool(r.bool())}
	case reqAllOpenOrders:
		return &protobuf.AllOpenOrdersRequest{}
	case reqManagedAccounts:
		return &protobuf.ManagedAccountsRequest{}
	case reqCancelHistory:
		return &protobuf.CancelHistoricalData{ReqId: proto.Int32(r.int())}
	case reqCurrentTime:
		return &protobuf.CurrentTimeRequest{}
	case reqMarketDataType:
		return &protobuf.MarketDataTypeRequest{MarketDataType: proto.Int32(r.int())}
	case reqPositions:
		return &protobuf.PositionsRequest{}
	case reqCancelPositions:
		return &protobuf.CancelPositions{}
	case reqSummary:
		return &protobuf.AccountSummaryRequest{ReqId: proto.Int32(r.int()), Group: proto.String(r.str()), Tags: proto.String(r.str())}
	case reqCancelSummary:
		return &protobuf.CancelAccountSummary{ReqId: proto.Int32(r.int())}
	case reqPositionsMulti:
		return &protobuf.PositionsMultiRequest{ReqId: proto.Int32(r.int()), Account: proto.String(r.str()), ModelCode: proto.String(r.str())}
	case reqCancelPosMulti:
		return &protobuf.CancelPositionsMulti{ReqId: proto.Int32(r.int())}
	case reqUpdatesMulti:
		return &protobuf.AccountUpdatesMultiRequest{
			ReqId: proto.Int32(r.int()), Account: proto.String(r.str()), ModelCode: proto.String(r.str()), LedgerAndNLV: proto.Bool(r.bool()),
		}
	case reqCancelUpdMulti:
		return &protobuf.CancelAccountUpdatesMulti{ReqId: proto.Int32(r.int())}
	case reqCancelContract:
		return &protobuf.CancelContractData{ReqId: proto.Int32(r.int())}
	}
	return nil
}

// readContract reads conId to tradingClass, with the primary exchange.
func readContract(r *fieldReader) *protobuf.Contract {
	return &protobuf.Contract{
		ConId: proto.Int32(r.int()), Symbol: proto.String(r.str()), SecType: proto.String(r.str()),
		LastTradeDateOrContractMonth: proto.String(r.str()), Strike: r.float(), Right: proto.String(r.str()),
		Multiplier: readMultiplier(r), Exchange: proto.String(r.str()), PrimaryExch: proto.String(r.str()),
		Currency: proto.String(r.str()), LocalSymbol: proto.String(r.str()), TradingClass: proto.String(r.str()),
	}
}

func readMultiplier(r *fieldReader) *float64 {
	f, err := strconv.ParseFloat(r.str(), 64)
	if err != nil || f == 0 {
		return nil
	}
	return &f
}

func readContractData(version int, r *fieldReader) proto.Message {
	r.skip(1)
	m := &protobuf.ContractDataRequest{ReqId: proto.Int32(r.int())}
	m.Contract = readContract(r)
	m.Contract.IncludeExpired = proto.Bool(r.bool())
	m.Contract.SecIdType, m.Contract.SecId = proto.String(r.str()), proto.String(r.str())
	if version >= verBondIssuer {
		m.Contract.IssuerId = proto.String(r.str())
	}
	return m
}

func readMktData(r *fieldReader) proto.Message {
	r.skip(1)
	m := &protobuf.MarketDataRequest{ReqId: proto.Int32(r.int())}
	m.Contract = readContract(r)
	if m.Contract.GetSecType() == "BAG" {
		r.skip(4 * r.count())
	}
	if r.bool() { // delta neutral contract
		r.skip(3)
	}
	m.GenericTickList = proto.String(r.str())
	m.Snapshot, m.RegulatorySnapshot = proto.Bool(r.bool()), proto.Bool(r.bool())
	return m
}

func readHistory(r *fieldReader) proto.Message {
	m := &protobuf.HistoricalDataRequest{ReqId: proto.Int32(r.int())}
	m.Contract = readContract(r)
	m.Contract.IncludeExpired = proto.Bool(r.bool())
	m.EndDateTime, m.BarSizeSetting, m.Duration = proto.String(r.str()), proto.String(r.str()), proto.String(r.str())
	m.UseRTH, m.WhatToShow, m.FormatDate = proto.Bool(r.bool()), proto.String(r.str()), proto.Int32(r.int())
	if m.Contract.GetSecType() == "BAG" {
		r.skip(4 * r.count())
	}
	m.KeepUpToDate = proto.Bool(r.bool())
	return m
}

func readExecutions(version int, r *fieldReader) proto.Message {
	r.skip(1)
	m := &protobuf.ExecutionRequest{ReqId: proto.Int32(r.int())}
	f := &protobuf.ExecutionFilter{
		ClientId: proto.Int32(r.int()), AcctCode: proto.String(r.str()), Time: proto.String(r.str()), Symbol: proto.String(r.str()),
		SecType: proto.String(r.str()), Exchange: proto.String(r.str()), Side: proto.String(r.str()),
	}
	if version >= verExecutionDays {
		f.LastNDays = proto.Int32(r.int())
		for range r.count() {
			f.SpecificDates = append(f.SpecificDates, r.int())
		}
	}
	m.ExecutionFilter = f
	return m
}

func readCancelOrder(version int, r *fieldReader) proto.Message {
	if version < verTagging {
		r.skip(1)
	}
	m := &protobuf.CancelOrderRequest{OrderId: proto.Int32(r.int())}
	if version >= verManualOrderTime {
		m.OrderCancel = &protobuf.OrderCancel{ManualOrderCancelTime: proto.String(r.str())}
	}
	return m
}
