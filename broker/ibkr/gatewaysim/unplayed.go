package gatewaysim

import (
	"strings"

	"github.com/scmhub/ibapi/protobuf"
	"google.golang.org/protobuf/encoding/protowire"
)

// unplayed is a request that the real gateway knows and this one does not play. Its
// id stands in the text after so many fields, or nowhere if that is negative; in
// protobuf it is the first field.
type unplayed struct {
	name  string
	after int
}

var unplayedRequests = map[int]unplayed{
	10: {"reqMktDepth", 1}, 11: {"cancelMktDepth", 1}, 12: {"reqNewsBulletins", -1}, 13: {"cancelNewsBulletins", -1},
	18: {"requestFA", -1}, 19: {"replaceFA", -1}, 21: {"exerciseOptions", 1},
	22: {"reqScannerSubscription", 0}, 23: {"cancelScannerSubscription", 1}, 24: {"reqScannerParameters", -1},
	50: {"reqRealTimeBars", 1}, 51: {"cancelRealTimeBars", 1}, 52: {"reqFundamentalData", 1}, 53: {"cancelFundamentalData", 1},
	54: {"calculateImpliedVolatility", 1}, 55: {"calculateOptionPrice", 1},
	56: {"cancelCalculateImpliedVolatility", 1}, 57: {"cancelCalculateOptionPrice", 1},
	65: {"verifyRequest", -1}, 66: {"verifyMessage", -1}, 72: {"verifyAndAuthRequest", -1}, 73: {"verifyAndAuthMessage", -1},
	67: {"queryDisplayGroups", 1}, 68: {"subscribeToGroupEvents", 1}, 69: {"updateDisplayGroup", 1}, 70: {"unsubscribeFromGroupEvents", 1},
	78: {"reqSecDefOptParams", 0}, 79: {"reqSoftDollarTiers", 0}, 80: {"reqFamilyCodes", -1}, 82: {"reqMktDepthExchanges", -1}, 83: {"reqSmartComponents", 0},
	84: {"reqNewsArticle", 0}, 85: {"reqNewsProviders", -1}, 86: {"reqHistoricalNews", 0},
	87: {"reqHeadTimeStamp", 0}, 88: {"reqHistogramData", 0}, 89: {"cancelHistogramData", 0}, 90: {"cancelHeadTimeStamp", 0},
	91: {"reqMarketRule", -1}, 92: {"reqPnL", 0}, 93: {"cancelPnL", 0}, 94: {"reqPnLSingle", 0}, 95: {"cancelPnLSingle", 0},
	96: {"reqHistoricalTicks", 0}, 97: {"reqTickByTickData", 0}, 98: {"cancelTickByTickData", 0}, 107: {"cancelHistoricalTicks", 0},
	100: {"reqWshMetaData", 0}, 101: {"cancelWshMetaData", 0}, 102: {"reqWshEventData", 0}, 103: {"cancelWshEventData", 0},
	108: {"reqConfig", 0}, 109: {"updateConfig", 0},
}

// unplayedText is a request that is not played, or not known at all, in text.
func unplayedText(id int, name string, r *fieldReader) request {
	req := request{id: id, name: name, about: -1}
	u, ok := unplayedRequests[id]
	if !ok {
		return req
	}
	req.name, req.unplayed = u.name, true
	if u.after >= 0 {
		r.skip(u.after)
		if n := r.int(); r.err == nil {
			req.about = n
		}
	}
	return req
}

// unplayedProtobuf is the same in protobuf.
func unplayedProtobuf(id int, name string, body []byte) request {
	req := request{id: id, name: name, about: -1}
	u, ok := unplayedRequests[id]
	if !ok {
		return req
	}
	req.name, req.unplayed = u.name, true
	field, kind, n := protowire.ConsumeTag(body)
	if u.after < 0 || n < 0 || field != 1 || kind != protowire.VarintType {
		return req
	}
	if v, n := protowire.ConsumeVarint(body[n:]); n > 0 {
		req.about = int32(v)
	}
	return req
}

// refuseUnplayed answers a request that is not played with an error that carries
// its id, so that nobody waits for more.
func (s *tcpSession) refuseUnplayed(req request) {
	switch {
	case !req.unplayed:
		s.fail(-1, 505, "Fatal Error: Unknown message id.")
	case strings.HasPrefix(req.name, "cancel"):
		s.fail(req.about, 300, "Can't find EId with tickerId:%d", req.about)
	default:
		s.fail(req.about, 321, "Error validating request.-'bW' : cause - %s is not played by this simulated gateway", req.name)
	}
}

// unplayedOrder says what of an order is not played: it would not do what its
// client expects.
func unplayedOrder(w *protobuf.Order) *refusal {
	for name, set := range map[string]bool{
		"parentId": w.GetParentId() != 0, "ocaGroup": w.GetOcaGroup() != "", "algoStrategy": w.GetAlgoStrategy() != "",
		"faGroup": w.GetFaGroup() != "", "goodAfterTime": w.GetGoodAfterTime() != "",
		"conditions": len(w.GetConditions()) > 0,
	} {
		if set {
			return refuse(321, "Error validating request.-'bW' : cause - %s is not played by this simulated gateway", name)
		}
	}
	return nil
}
