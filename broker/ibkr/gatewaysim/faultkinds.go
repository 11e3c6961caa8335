package gatewaysim

// FaultKind describes a kind of fault.
type FaultKind struct {
	Name string `json:"name"`
	// Row is the row of the catalogue of failures that it plays.
	Row string `json:"row"`
	// When is the occasion: one of the When constants or the name of a request.
	When string `json:"when"`
	// Text says what happens and what it reads of the [Fault].
	Text string `json:"text"`

	window bool                        // For is how long the state lasts
	now    func(*Gateway, Fault) error // what it does at once
}

// The occasions.
const (
	WhenNow     = "now"     // as soon as it is injected
	WhenState   = "state"   // each time it matters, until lifted
	WhenConnect = "connect" // a client connects
	WhenRequest = "request" // a request arrives
	WhenAnswer  = "answer"  // an end marker or a row is about to be sent
	WhenOrder   = "order"   // an order arrives
	WhenFill    = "fill"    // an order is about to fill
	WhenCancel  = "cancel"  // a cancel of a working order arrives
)

// The names of faults of the session.
const (
	FaultRefuseConnections = "refuse_connections"
	FaultAcceptAndClose    = "accept_and_close"
	FaultNoHandshake       = "no_handshake"
	FaultNoNextValidID     = "no_next_valid_id"
	FaultNoManagedAccounts = "no_managed_accounts"
	FaultClientIDInUse     = "client_id_in_use"
	FaultLinkLost          = "link_lost"
	FaultLinkLostMidFill   = "link_lost_mid_fill"
	FaultLinkBackDataLost  = "link_back_data_lost"
	FaultLinkBack          = "link_back"
	FaultSocketReset       = "socket_reset"
	FaultNightlyRestart    = "nightly_restart"
	FaultTwoFactorOutage   = "two_factor_outage"
	FaultHalfOpen          = "half_open"
	FaultStall             = "stall"
	FaultSilentRequest     = "silent_request"
	FaultCut               = "cut"
	FaultCutOnRequest      = "cut_on_request"
	FaultCompetingSession  = "competing_session"
	FaultReadOnly          = "read_only"
	FaultPacingViolation   = "pacing_violation"
	FaultWrongAccounts     = "wrong_accounts"
	FaultMessage           = "message"
	FaultRequestError      = "request_error"
)

var sessionFaults = []FaultKind{
	{
		Name: FaultRefuseConnections, Row: "D1", When: WhenNow, now: (*Gateway).faultRefuse,
		Text: "all connections are cut and new ones refused for For (default 1 s)",
	},
	{Name: FaultAcceptAndClose, Row: "D1", When: WhenConnect, Text: "the connection is accepted and closed at once"},
	{Name: FaultNoHandshake, Row: "D1", When: WhenConnect, Text: "the greeting is never answered"},
	{Name: FaultNoNextValidID, Row: "D1", When: WhenConnect, Text: "the session starts without nextValidId"},
	{Name: FaultNoManagedAccounts, Row: "D1", When: WhenConnect, Text: "the session starts without managedAccounts"},
	{Name: FaultClientIDInUse, Row: "D2", When: WhenConnect, Text: "326 as if an old session still held the client id, then the end"},
	{
		Name: FaultLinkLost, Row: "D3", When: WhenNow, now: (*Gateway).faultLinkLost,
		Text: "1100 (or Code, such as 2110): new orders and cancels wait, and fills are not told, until the link is back, by itself after For if set",
	},
	{Name: FaultLinkLostMidFill, Row: "D3", When: WhenFill, Text: "1100 between the execution and its status; the link is back with 1102 after For (default 50 ms)"},
	{Name: FaultLinkBackDataLost, Row: "D4", When: WhenNow, now: (*Gateway).faultDataLost, Text: "1101: the link is back, market data subscriptions are gone"},
	{Name: FaultLinkBack, Row: "D4", When: WhenNow, now: (*Gateway).faultLinkBack, Text: "1102: the link is back"},
	{Name: FaultSocketReset, Row: "D4", When: WhenNow, now: (*Gateway).faultSocketReset, Text: "1300, then the end of every connection"},
	{
		Name: FaultNightlyRestart, Row: "D5", When: WhenNow, now: (*Gateway).faultRestart,
		Text: "all connections are cut and refused for For (default 200 ms); order ids fall back by Count",
	},
	{Name: FaultTwoFactorOutage, Row: "D6", When: WhenNow, now: (*Gateway).faultRefuse, Text: "as refuse_connections: nobody confirmed the login"},
	{Name: FaultHalfOpen, Row: "D7", When: WhenNow, now: (*Gateway).faultHalfOpen, Text: "connections stay open, but nothing is answered any more"},
	{
		Name: FaultStall, Row: "D7", When: WhenNow, now: (*Gateway).faultStall,
		Text: "as half_open, and nothing is read, so that the client's writes block in the end; its id stays taken until the connection is cut, by itself after For if set",
	},
	{Name: FaultSilentRequest, Row: "D7", When: WhenRequest, Text: "the request, limited by Message, is lost without a word"},
	{Name: FaultCut, Row: "D7", When: WhenNow, now: (*Gateway).faultCut, Text: "connections are cut"},
	{Name: FaultCutOnRequest, Row: "E1", When: WhenRequest, Text: "the connection is cut instead of an answer to the request"},
	{Name: FaultCompetingSession, Row: "D8", When: WhenState, window: true, Text: "10197 instead of market data, for For if set"},
	{Name: FaultReadOnly, Row: "D9", When: WhenState, window: true, Text: "321 to every order and every cancel, for For if set"},
	{Name: FaultPacingViolation, Row: "D10", When: WhenRequest, Text: "error 100 as if there had been too many messages; the third ends the connection"},
	{Name: FaultWrongAccounts, Row: "D11", When: WhenState, Text: "managedAccounts says Text"},
	{Name: FaultMessage, Row: "D3", When: WhenNow, now: (*Gateway).faultMessage, Text: "a message with Code and Text to all clients"},
	{Name: FaultRequestError, Row: "M", When: WhenRequest, Text: "the request, limited by Message, is answered with the error Code and Text"},
}

// The names of faults of accounts.
const (
	FaultDropEndMarker = "drop_end_marker"
	FaultCutMidList    = "cut_mid_list"
	FaultPositionLag   = "position_lag"
	FaultFrozenValues  = "frozen_values"
	FaultOmitTag       = "omit_tag"
	FaultSentinelTag   = "sentinel_tag"
	FaultExternalTrade = "external_trade"
	FaultSplit         = "split"
	FaultMidnightCut   = "midnight_cut"
)

var accountFaults = []FaultKind{
	{Name: FaultDropEndMarker, Row: "E1", When: WhenAnswer, Text: "the end marker, limited by Message (such as positionEnd), is not sent"},
	{Name: FaultCutMidList, Row: "E1", When: WhenAnswer, Text: "the connection is cut before the end marker, limited by Message, or after Count messages of its list if it has as many"},
	{Name: FaultPositionLag, Row: "E2", When: WhenState, Text: "fills show in positions only after For, never if it is not set, until lifted"},
	{Name: FaultFrozenValues, Row: "E3", When: WhenState, Text: "fills show in cash only after For, never if it is not set, until lifted"},
	{Name: FaultOmitTag, Row: "E4", When: WhenState, window: true, Text: "the account value Text is missing"},
	{Name: FaultSentinelTag, Row: "E4", When: WhenState, window: true, Text: "the account value Text is " + sentinelText},
	{Name: FaultExternalTrade, Row: "E5", When: WhenNow, now: (*Gateway).faultExternalTrade, Text: "Account's position in Symbol changes by Quantity (default 1) at Price, without an order"},
	{Name: FaultSplit, Row: "E5", When: WhenNow, now: (*Gateway).faultSplit, Text: "Symbol is split by Quantity (default 2)"},
	{Name: FaultMidnightCut, Row: "3.5", When: WhenNow, now: (*Gateway).faultMidnight, Text: "executions and completed orders of before are no longer told"},
}

// The names of faults of contracts and prices.
const (
	FaultContractNone      = "contract_none"
	FaultContractAmbiguous = "contract_ambiguous"
	FaultContractOtherID   = "contract_other_id"
	FaultContractEmpty     = "contract_empty"
	FaultHours             = "hours"
	FaultMarketDataError   = "market_data_error"
	FaultBadPrice          = "bad_price"
	FaultNoSnapshotEnd     = "no_snapshot_end"
	FaultHistoryPace       = "history_pace"
	FaultHistoryNoData     = "history_no_data"
)

var contractFaults = []FaultKind{
	{Name: FaultContractNone, Row: "F1", When: "reqContractDetails", Text: "200: no contract"},
	{Name: FaultContractAmbiguous, Row: "F1", When: "reqContractDetails", Text: "a second contract with another conId"},
	{Name: FaultContractOtherID, Row: "F1", When: "reqContractDetails", Text: "the contract has the conId Count (default one more)"},
	{Name: FaultContractEmpty, Row: "F2", When: "reqContractDetails", Text: "an end marker without a contract"},
	{Name: FaultHours, Row: "F3", When: "reqContractDetails", Text: "both hours are Text"},
	{Name: FaultMarketDataError, Row: "F6", When: "reqMktData", Text: "the error Code (default 354) instead of ticks"},
	{Name: FaultBadPrice, Row: "F7", When: "reqMktData", Text: "all prices are Price (default -1)"},
	{Name: FaultNoSnapshotEnd, Row: "F8", When: "reqMktData", Text: "the snapshot has ticks, but its end comes only after For, never if it is not set"},
	{Name: FaultHistoryPace, Row: "F9", When: "reqHistoricalData", Text: "162: pacing violation"},
	{Name: FaultHistoryNoData, Row: "F10", When: "reqHistoricalData", Text: "162: no data"},
}

// The names of faults of orders and fills.
const (
	FaultCutBeforeAccept   = "cut_before_accept"
	FaultCutAfterAccept    = "cut_after_accept"
	FaultCutAfterAck       = "cut_after_ack"
	FaultCutAfterFill      = "cut_after_fill"
	FaultLoseOrder         = "lose_order"
	FaultOrderPendsForever = "order_pends_forever"
	FaultAckLate           = "ack_late"
	FaultFillWithoutStatus = "fill_without_status"
	FaultStatusWithoutExec = "status_without_execution"
	FaultDuplicateStatus   = "duplicate_status"
	FaultReorderStatus     = "reorder_status"
	FaultRegressStatus     = "regress_status"
	FaultWrongRemaining    = "wrong_remaining"
	FaultDuplicateExec     = "duplicate_execution"
	FaultCorrectExec       = "correct_execution"
	FaultRejectOrder       = "reject_order"
	FaultInactive          = "inactive"
	FaultHoldOrder         = "hold_order"
	FaultNeverFill         = "never_fill"
	FaultPartialThenStop   = "partial_then_stop"
	FaultPartialThenCancel = "partial_then_cancel"
	FaultDuplicateOrderID  = "duplicate_order_id"
	FaultAlterOrder        = "alter_order"
	FaultCommissionNone    = "commission_none"
	FaultCommissionOdd     = "commission_sentinel"
	FaultOddExecTime       = "odd_execution_time"
	FaultTwoPermIDs        = "two_perm_ids"
)

var orderFaults = []FaultKind{
	{Name: FaultCutBeforeAccept, Row: "I2", When: WhenOrder, Text: "the connection is cut, the order is lost"},
	{Name: FaultCutAfterAccept, Row: "I2", When: WhenOrder, Text: "the order is accepted and works, the connection is cut before it is told"},
	{Name: FaultCutAfterAck, Row: "I2", When: WhenOrder, Text: "the order is accepted and acknowledged, then the connection is cut, then it works"},
	{Name: FaultCutAfterFill, Row: "I2", When: WhenFill, Text: "the connection is cut after the execution, before the status"},
	{Name: FaultLoseOrder, Row: "I3", When: WhenOrder, Text: "the order is lost without a word"},
	{Name: FaultOrderPendsForever, Row: "I3", When: WhenOrder, Text: "the order shows as PendingSubmit for ever"},
	{Name: FaultAckLate, Row: "I3", When: WhenOrder, Text: "the order is invisible for For (default 100 ms), then it is accepted"},
	{Name: FaultFillWithoutStatus, Row: "I4", When: WhenOrder, Text: "no orderStatus and no openOrder is ever sent for the order, only executions"},
	{Name: FaultStatusWithoutExec, Row: "I4", When: WhenFill, Text: "the status is told, the execution only after For (default 100 ms)"},
	{Name: FaultDuplicateStatus, Row: "I5", When: WhenFill, Text: "the status comes twice"},
	{Name: FaultReorderStatus, Row: "I5", When: WhenFill, Text: "commission, status and execution come in reverse"},
	{Name: FaultRegressStatus, Row: "I5", When: WhenFill, Text: "a stale Submitted with nothing filled comes after the status"},
	{Name: FaultWrongRemaining, Row: "I5", When: WhenFill, Text: "the status says that all remains"},
	{Name: FaultDuplicateExec, Row: "I6", When: WhenFill, Text: "the execution comes twice"},
	{Name: FaultCorrectExec, Row: "I6", When: WhenFill, Text: "the execution is corrected after After (default 20 ms) to Quantity and Price (default: a cent more)"},
	{Name: FaultRejectOrder, Row: "I7", When: WhenOrder, Text: "refused with Code (default 201) and Text"},
	{Name: FaultInactive, Row: "I8", When: WhenOrder, Text: "the order is Inactive; after For, if set, it revives"},
	{Name: FaultHoldOrder, Row: "I9", When: WhenOrder, Text: "399 and PreSubmitted, for For, for ever if not set"},
	{Name: FaultNeverFill, Row: "F5", When: WhenOrder, Text: "the order works, but never fills by itself"},
	{Name: FaultPartialThenStop, Row: "I10", When: WhenOrder, Text: "Quantity (default half) fills, then nothing more"},
	{Name: FaultPartialThenCancel, Row: "I10", When: WhenOrder, Text: "Quantity (default half) fills, then the exchange cancels"},
	{Name: FaultDuplicateOrderID, Row: "I14", When: WhenOrder, Text: "103, the order is lost"},
	{Name: FaultAlterOrder, Row: "I15", When: WhenOrder, Text: "a preset changes the order: Quantity, Price (its limit) and Text (its time in force), with 10349 (or Code); default: GTC"},
	{Name: FaultCommissionNone, Row: "I16", When: WhenFill, Text: "the commission is told only after For, never if it is not set"},
	{Name: FaultCommissionOdd, Row: "I16", When: WhenFill, Text: "the commission is the greatest double (Price if set)"},
	{Name: FaultOddExecTime, Row: "I17", When: WhenFill, Text: "the execution's time is Text (default one with an unknown zone)"},
	{Name: FaultTwoPermIDs, Row: "H5", When: WhenFill, Text: "the order has another permId from this fill on"},
}

// The names of faults of cancels.
const (
	FaultCancelNeverConfirmed = "cancel_never_confirmed"
	FaultFillOnCancel         = "fill_on_cancel"
	FaultFillAfterCancel      = "fill_after_cancel"
	FaultCancelError          = "cancel_error"
	FaultCancelLate           = "cancel_late"
	FaultLoseCancel           = "lose_cancel"
)

var cancelFaults = []FaultKind{
	{Name: FaultCancelNeverConfirmed, Row: "H1", When: WhenCancel, Text: "PendingCancel for ever; the order can fill"},
	{Name: FaultFillOnCancel, Row: "H1", When: WhenCancel, Text: "PendingCancel, then the rest fills"},
	{Name: FaultFillAfterCancel, Row: "H5", When: WhenCancel, Text: "Cancelled, then after After (default 50 ms) Quantity (default the rest) fills all the same"},
	{Name: FaultCancelError, Row: "H3", When: WhenCancel, Text: "answered with Code (10147, 10148, 161, 135; default 10147); the order works on"},
	{Name: FaultCancelLate, Row: "H4", When: WhenCancel, Text: "PendingCancel, confirmed after For (default 100 ms)"},
	{Name: FaultLoseCancel, Row: "H1", When: WhenCancel, Text: "the cancel is lost without a word"},
}

// The names of faults of the wire.
const (
	FaultSplitFrames     = "split_frames"
	FaultMergedFrames    = "merged_frames"
	FaultResetAfterBytes = "reset_after_bytes"
	FaultGarbage         = "garbage"
	FaultUnknownMessage  = "unknown_message"
)

var wireFaults = []FaultKind{
	{Name: FaultSplitFrames, Row: "6.2", When: WhenNow, now: (*Gateway).faultWire, Text: "from now on, for For if set, bytes come in packets of at most Count (default 1)"},
	{Name: FaultMergedFrames, Row: "6.2", When: WhenNow, now: (*Gateway).faultWire, Text: "from now on, for For if set, all frames that wait come in one packet"},
	{Name: FaultResetAfterBytes, Row: "I2", When: WhenNow, now: (*Gateway).faultWire, Text: "the connection is reset after Count more bytes"},
	{Name: FaultGarbage, Row: "6.2", When: WhenNow, now: (*Gateway).faultGarbage, Text: "a frame of Count (default 16) senseless bytes"},
	{Name: FaultUnknownMessage, Row: "6.2", When: WhenNow, now: (*Gateway).faultUnknown, Text: "a frame with a message id that nobody knows"},
}
