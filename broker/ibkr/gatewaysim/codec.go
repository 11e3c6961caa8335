package gatewaysim

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/proto"
)

// Inside the simulator every message is its protobuf type. The codec turns it
// into the dialect that the session's server version demands, and back.

// request is one message of a client.
type request struct {
	id    int
	name  string
	value proto.Message // nil for a message that the simulator does not know or play

	unplayed bool
	about    int32 // the request's id, -1 if it has none; only if it is not played
}

// decodeRequest reads a frame's payload.
func decodeRequest(version int, payload []byte) (request, error) {
	if version < verBinaryID {
		r := &fieldReader{rest: payload}
		id := int(r.int())
		if r.err != nil {
			return request{}, fmt.Errorf("gatewaysim: message id: %w", r.err)
		}
		return decodeText(version, id, r)
	}
	if len(payload) < 4 {
		return request{}, fmt.Errorf("gatewaysim: message of %d bytes has no id", len(payload))
	}
	id := binary.BigEndian.Uint32(payload)
	body := payload[4:]
	switch {
	case id > 0xffff:
		return request{}, fmt.Errorf("gatewaysim: message id %d is unknown", id)
	case id >= protobufOffset:
		return decodeProtobuf(version, int(id)-protobufOffset, body)
	}
	return decodeText(version, int(id), &fieldReader{rest: body})
}

func decodeProtobuf(version, id int, body []byte) (request, error) {
	kind, ok := requests[id]
	if !ok {
		return unplayedProtobuf(id, "request "+strconv.Itoa(id), body), nil
	}
	req := request{id: id, name: kind.name}
	if version < kind.since {
		return req, fmt.Errorf("gatewaysim: %s is protobuf from server version %d on, not at %d", kind.name, kind.since, version)
	}
	req.value = kind.empty()
	if err := proto.Unmarshal(body, req.value); err != nil {
		return req, fmt.Errorf("gatewaysim: %s: %w", kind.name, err)
	}
	return req, nil
}

func decodeText(version, id int, r *fieldReader) (request, error) {
	kind, ok := requests[id]
	if !ok {
		return unplayedText(id, "request "+strconv.Itoa(id), r), nil
	}
	req := request{id: id, name: kind.name}
	if version >= kind.since {
		return req, fmt.Errorf("gatewaysim: %s is protobuf from server version %d on, but came as text at %d", kind.name, kind.since, version)
	}
	req.value = readText(version, id, r)
	if r.err != nil {
		return req, fmt.Errorf("gatewaysim: %s: %w", kind.name, r.err)
	}
	return req, nil
}

// requestKind is one kind of request: its name, the server version from which
// it is protobuf, and its message.
type requestKind struct {
	name  string
	since int
	empty func() proto.Message
}

var requests = map[int]requestKind{
	reqMktData:           {"reqMktData", pbMarketData, func() proto.Message { return &protobuf.MarketDataRequest{} }},
	reqCancelMktData:     {"cancelMktData", pbMarketData, func() proto.Message { return &protobuf.CancelMarketData{} }},
	reqPlaceOrder:        {"placeOrder", pbOrders, func() proto.Message { return &protobuf.PlaceOrderRequest{} }},
	reqCancelOrder:       {"cancelOrder", pbOrders, func() proto.Message { return &protobuf.CancelOrderRequest{} }},
	reqOpenOrders:        {"reqOpenOrders", pbCompleted, func() proto.Message { return &protobuf.OpenOrdersRequest{} }},
	reqAccountData:       {"reqAccountUpdates", pbAccounts, func() proto.Message { return &protobuf.AccountDataRequest{} }},
	reqExecutions:        {"reqExecutions", pbExecutions, func() proto.Message { return &protobuf.ExecutionRequest{} }},
	reqIDs:               {"reqIds", pbSession, func() proto.Message { return &protobuf.IdsRequest{} }},
	reqContractData:      {"reqContractDetails", pbContracts, func() proto.Message { return &protobuf.ContractDataRequest{} }},
	reqLogLevel:          {"setServerLogLevel", pbSession, func() proto.Message { return &protobuf.SetServerLogLevelRequest{} }},
	reqAutoOpenOrders:    {"reqAutoOpenOrders", pbCompleted, func() proto.Message { return &protobuf.AutoOpenOrdersRequest{} }},
	reqAllOpenOrders:     {"reqAllOpenOrders", pbCompleted, func() proto.Message { return &protobuf.AllOpenOrdersRequest{} }},
	reqManagedAccounts:   {"reqManagedAccts", pbAccounts, func() proto.Message { return &protobuf.ManagedAccountsRequest{} }},
	reqHistory:           {"reqHistoricalData", pbHistory, func() proto.Message { return &protobuf.HistoricalDataRequest{} }},
	reqCancelHistory:     {"cancelHistoricalData", pbHistory, func() proto.Message { return &protobuf.CancelHistoricalData{} }},
	reqCurrentTime:       {"reqCurrentTime", pbSession, func() proto.Message { return &protobuf.CurrentTimeRequest{} }},
	reqGlobalCancel:      {"reqGlobalCancel", pbOrders, func() proto.Message { return &protobuf.GlobalCancelRequest{} }},
	reqMarketDataType:    {"reqMarketDataType", pbMarketData, func() proto.Message { return &protobuf.MarketDataTypeRequest{} }},
	reqPositions:         {"reqPositions", pbAccounts, func() proto.Message { return &protobuf.PositionsRequest{} }},
	reqSummary:           {"reqAccountSummary", pbAccounts, func() proto.Message { return &protobuf.AccountSummaryRequest{} }},
	reqCancelSummary:     {"cancelAccountSummary", pbAccounts, func() proto.Message { return &protobuf.CancelAccountSummary{} }},
	reqCancelPositions:   {"cancelPositions", pbAccounts, func() proto.Message { return &protobuf.CancelPositions{} }},
	reqStartAPI:          {"startApi", pbSession, func() proto.Message { return &protobuf.StartApiRequest{} }},
	reqPositionsMulti:    {"reqPositionsMulti", pbAccounts, func() proto.Message { return &protobuf.PositionsMultiRequest{} }},
	reqCancelPosMulti:    {"cancelPositionsMulti", pbAccounts, func() proto.Message { return &protobuf.CancelPositionsMulti{} }},
	reqUpdatesMulti:      {"reqAccountUpdatesMulti", pbAccounts, func() proto.Message { return &protobuf.AccountUpdatesMultiRequest{} }},
	reqCancelUpdMulti:    {"cancelAccountUpdatesMulti", pbAccounts, func() proto.Message { return &protobuf.CancelAccountUpdatesMulti{} }},
	reqMatchingSymbols:   {"reqMatchingSymbols", pbReference, func() proto.Message { return &protobuf.MatchingSymbolsRequest{} }},
	reqCompletedOrders:   {"reqCompletedOrders", pbCompleted, func() proto.Message { return &protobuf.CompletedOrdersRequest{} }},
	reqUserInfo:          {"reqUserInfo", pbReference, func() proto.Message { return &protobuf.UserInfoRequest{} }},
	reqCurrentTimeMillis: {"reqCurrentTimeInMillis", pbSession, func() proto.Message { return &protobuf.CurrentTimeInMillisRequest{} }},
	reqCancelContract:    {"cancelContractData", pbCancelCD, func() proto.Message { return &protobuf.CancelContractData{} }},
}

// answerKind is where an answer belongs on the wire.
type answerKind struct {
	id    int
	name  string
	since int // the server version from which it is protobuf
}

// kindOf returns the kind of an answer.
func kindOf(m proto.Message) (answerKind, bool) {
	switch m.(type) {
	case *protobuf.NextValidId:
		return answerKind{ansNextValidID, "nextValidId", pbSession}, true
	case *protobuf.ManagedAccounts:
		return answerKind{ansManagedAccounts, "managedAccounts", pbAccounts}, true
	case *protobuf.CurrentTime:
		return answerKind{ansCurrentTime, "currentTime", pbSession}, true
	case *protobuf.CurrentTimeInMillis:
		return answerKind{ansCurrentTimeMillis, "currentTimeInMillis", pbSession}, true
	case *protobuf.UserInfo:
		return answerKind{ansUserInfo, "userInfo", pbReference}, true
	case *protobuf.ErrorMessage:
		return answerKind{ansError, "error", pbOrders}, true
	case *protobuf.OrderStatus:
		return answerKind{ansOrderStatus, "orderStatus", pbOrders}, true
	case *protobuf.OpenOrder:
		return answerKind{ansOpenOrder, "openOrder", pbOrders}, true
	case *protobuf.OpenOrdersEnd:
		return answerKind{ansOpenOrderEnd, "openOrderEnd", pbCompleted}, true
	case *protobuf.CompletedOrder:
		return answerKind{ansCompletedOrder, "completedOrder", pbCompleted}, true
	case *protobuf.CompletedOrdersEnd:
		return answerKind{ansCompletedEnd, "completedOrdersEnd", pbCompleted}, true
	case *protobuf.ExecutionDetails:
		return answerKind{ansExecution, "execDetails", pbExecutions}, true
	case *protobuf.ExecutionDetailsEnd:
		return answerKind{ansExecutionEnd, "execDetailsEnd", pbExecutions}, true
	case *protobuf.CommissionAndFeesReport:
		return answerKind{ansCommission, "commissionReport", 211}, true
	}
	return kindOfData(m)
}

func kindOfData(m proto.Message) (answerKind, bool) {
	switch m.(type) {
	case *protobuf.AccountValue:
		return answerKind{ansAccountValue, "updateAccountValue", pbAccounts}, true
	case *protobuf.PortfolioValue:
		return answerKind{ansPortfolioValue, "updatePortfolio", pbAccounts}, true
	case *protobuf.AccountUpdateTime:
		return answerKind{ansAccountTime, "updateAccountTime", pbAccounts}, true
	case *protobuf.AccountDataEnd:
		return answerKind{ansAccountEnd, "accountDownloadEnd", pbAccounts}, true
	case *protobuf.AccountSummary:
		return answerKind{ansSummary, "accountSummary", pbAccounts}, true
	case *protobuf.AccountSummaryEnd:
		return answerKind{ansSummaryEnd, "accountSummaryEnd", pbAccounts}, true
	case *protobuf.Position:
		return answerKind{ansPosition, "position", pbAccounts}, true
	case *protobuf.PositionEnd:
		return answerKind{ansPositionEnd, "positionEnd", pbAccounts}, true
	case *protobuf.PositionMulti:
		return answerKind{ansPositionMulti, "positionMulti", pbAccounts}, true
	case *protobuf.PositionMultiEnd:
		return answerKind{ansPositionMultiEnd, "positionMultiEnd", pbAccounts}, true
	case *protobuf.AccountUpdateMulti:
		return answerKind{ansUpdateMulti, "accountUpdateMulti", pbAccounts}, true
	case *protobuf.AccountUpdateMultiEnd:
		return answerKind{ansUpdateMultiEnd, "accountUpdateMultiEnd", pbAccounts}, true
	case *protobuf.ContractData:
		return answerKind{ansContractData, "contractDetails", pbContracts}, true
	case *protobuf.ContractDataEnd:
		return answerKind{ansContractEnd, "contractDetailsEnd", pbContracts}, true
	case *protobuf.SymbolSamples:
		return answerKind{ansSymbolSamples, "symbolSamples", pbReference}, true
	case *protobuf.TickPrice:
		return answerKind{ansTickPrice, "tickPrice", pbMarketData}, true
	case *protobuf.TickSize:
		return answerKind{ansTickSize, "tickSize", pbMarketData}, true
	case *protobuf.TickString:
		return answerKind{ansTickString, "tickString", pbMarketData}, true
	case *protobuf.TickReqParams:
		return answerKind{ansTickParams, "tickReqParams", pbMarketData}, true
	case *protobuf.TickSnapshotEnd:
		return answerKind{ansSnapshotEnd, "tickSnapshotEnd", pbMarketData}, true
	case *protobuf.MarketDataType:
		return answerKind{ansMarketDataType, "marketDataType", pbMarketData}, true
	case *protobuf.HistoricalData, *historyWithDates:
		return answerKind{ansHistory, "historicalData", pbHistory}, true
	case *protobuf.HistoricalDataEnd:
		return answerKind{ansHistoryEnd, "historicalDataEnd", pbHistory}, true
	}
	return answerKind{}, false
}

// encodeAnswer returns the frame of an answer.
func encodeAnswer(version int, m proto.Message) ([]byte, answerKind, error) {
	kind, ok := kindOf(m)
	if !ok {
		return nil, kind, fmt.Errorf("gatewaysim: %T is no answer", m)
	}
	if version >= kind.since {
		body, err := proto.Marshal(m)
		if err != nil {
			return nil, kind, fmt.Errorf("gatewaysim: %s: %w", kind.name, err)
		}
		payload := binary.BigEndian.AppendUint32(make([]byte, 0, len(body)+4), uint32(kind.id+protobufOffset))
		return appendFrame(nil, append(payload, body...)), kind, nil
	}
	w := &fieldWriter{}
	if version >= verBinaryID {
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(kind.id))
	} else {
		w.int(int64(kind.id))
	}
	writeText(w, version, m)
	return appendFrame(nil, w.buf), kind, nil
}
