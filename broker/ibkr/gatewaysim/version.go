package gatewaysim

// The server versions that the simulator can speak. Up to 200 all messages are
// text; from 203 on they move to protobuf group by group.
const (
	OldestVersion = 163
	NewestVersion = 225
)

// The server versions at which a message changed its text.
const (
	verSizeRules       = 164
	verAdvancedReject  = 166
	verManualOrderTime = 169
	verPegOffsets      = 170
	verInstrumentZone  = 174
	verBondIssuer      = 176
	verNoFAProfile     = 177
	verPriceRevision   = 178
	verLastTradeDate   = 182
	verCustomerAccount = 183
	verProfessional    = 184
	verBondInterest    = 185
	verIneligibility   = 186
	verRFQ             = 187
	verOvernight       = 189
	verNoRFQ           = 190
	verTagging         = 192
	verTaggingEcho     = 193
	verErrorTime       = 194
	verFullPreview     = 195
	verHistoryEnd      = 196
	verSubmitter       = 198
	verImbalance       = 199
	verExecutionDays   = 200
	verBinaryID        = 201 // message ids are four bytes from here on
)

// The server versions from which a group of messages is protobuf.
const (
	pbExecutions = 201
	pbOrders     = 203
	pbCompleted  = 204
	pbContracts  = 205
	pbMarketData = 206
	pbAccounts   = 207
	pbHistory    = 208
	pbReference  = 212
	pbSession    = 213
	pbCancelCD   = 215
)

// protobufOffset is added to the id of a message that is protobuf.
const protobufOffset = 200

// The ids of requests.
const (
	reqMktData           = 1
	reqCancelMktData     = 2
	reqPlaceOrder        = 3
	reqCancelOrder       = 4
	reqOpenOrders        = 5
	reqAccountData       = 6
	reqExecutions        = 7
	reqIDs               = 8
	reqContractData      = 9
	reqLogLevel          = 14
	reqAutoOpenOrders    = 15
	reqAllOpenOrders     = 16
	reqManagedAccounts   = 17
	reqHistory           = 20
	reqCancelHistory     = 25
	reqCurrentTime       = 49
	reqGlobalCancel      = 58
	reqMarketDataType    = 59
	reqPositions         = 61
	reqSummary           = 62
	reqCancelSummary     = 63
	reqCancelPositions   = 64
	reqStartAPI          = 71
	reqPositionsMulti    = 74
	reqCancelPosMulti    = 75
	reqUpdatesMulti      = 76
	reqCancelUpdMulti    = 77
	reqMatchingSymbols   = 81
	reqCompletedOrders   = 99
	reqUserInfo          = 104
	reqCurrentTimeMillis = 105
	reqCancelContract    = 106
)

// The ids of answers.
const (
	ansTickPrice         = 1
	ansTickSize          = 2
	ansOrderStatus       = 3
	ansError             = 4
	ansOpenOrder         = 5
	ansAccountValue      = 6
	ansPortfolioValue    = 7
	ansAccountTime       = 8
	ansNextValidID       = 9
	ansContractData      = 10
	ansExecution         = 11
	ansManagedAccounts   = 15
	ansHistory           = 17
	ansTickString        = 46
	ansCurrentTime       = 49
	ansContractEnd       = 52
	ansOpenOrderEnd      = 53
	ansAccountEnd        = 54
	ansExecutionEnd      = 55
	ansSnapshotEnd       = 57
	ansMarketDataType    = 58
	ansCommission        = 59
	ansPosition          = 61
	ansPositionEnd       = 62
	ansSummary           = 63
	ansSummaryEnd        = 64
	ansPositionMulti     = 71
	ansPositionMultiEnd  = 72
	ansUpdateMulti       = 73
	ansUpdateMultiEnd    = 74
	ansSymbolSamples     = 79
	ansTickParams        = 81
	ansCompletedOrder    = 101
	ansCompletedEnd      = 102
	ansUserInfo          = 107
	ansHistoryEnd        = 108
	ansCurrentTimeMillis = 109
)
