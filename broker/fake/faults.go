package fake

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/evenkeel/evenkeel/broker"
)

// The names under which [Broker.Faults] counts how often faults fired.
const (
	FaultRejectOrder        = "reject_order"
	FaultLoseAck            = "lose_ack"
	FaultLoseOrder          = "lose_order"
	FaultSwallowOrder       = "swallow_order"
	FaultDelayOrder         = "delay_order"
	FaultPartialThenStop    = "partial_then_stop"
	FaultPartialThenCancel  = "partial_then_cancel"
	FaultAlterOrder         = "alter_order"
	FaultHoldOrder          = "hold_order"
	FaultStatusWithoutFills = "status_without_fills"
	FaultFillsWithoutStatus = "fills_without_status"
	FaultCorrectFill        = "correct_fill"
	FaultLateFee            = "late_fee"
	FaultCutSession         = "cut_session"
	FaultNeverConfirmCancel = "never_confirm_cancel"
	FaultFillAfterCancel    = "fill_after_cancel"
	FaultLagPositions       = "lag_positions"
	FaultRefuseSnapshotTag  = "refuse_snapshot_tag"
	FaultFailCall           = "fail_call"
	FaultDuplicateNews      = "duplicate_news"
	FaultReorderNews        = "reorder_news"
	FaultDoubtAbsence       = "doubt_absence"
)

// Fault is something that goes wrong, given to [Broker.Inject]. In each, N says
// which call it strikes, counted from the injection on and from 1; 0 counts as
// 1. Calls of Place count if the order is new and would be sent. A fault strikes
// once; see [Always] and [On].
type Fault interface{ spec() spec }

// spec is what the machinery must know of a fault.
type spec struct {
	name   string
	method string // whose calls it counts
	n      int
}

// RejectOrder refuses the N-th order.
type RejectOrder struct {
	N int
	// Code and Reason are the broker's words. Default: "201", "refused by a fault".
	Code, Reason string
	// Refusal is the kind that it tells. Default: none.
	Refusal broker.Refusal
}

// LoseAck accepts the N-th order, but Place returns [broker.ErrIndeterminate].
type LoseAck struct{ N int }

// LoseOrder loses the N-th order on its way: Place returns
// [broker.ErrIndeterminate], and the exchange never sees the order.
type LoseOrder struct{ N int }

// SwallowOrder loses the N-th order without a word: Place returns
// [broker.StatusPending], and nothing ever happens.
type SwallowOrder struct{ N int }

// DelayOrder lets the N-th order arrive late: Place returns
// [broker.ErrIndeterminate], nobody sees the order for a time, then it works.
type DelayOrder struct {
	N  int
	By time.Duration
}

// PartialThenStop fills a part of the N-th order, then never anything again.
type PartialThenStop struct {
	N        int
	Quantity decimal.Decimal
}

// PartialThenCancel fills a part of the N-th order, then the exchange cancels it.
type PartialThenCancel struct {
	N        int
	Quantity decimal.Decimal
}

// AlterOrder changes the N-th order: another one works, and is echoed.
type AlterOrder struct {
	N int
	// Change makes the change. It is called with the fake's lock held. Default:
	// the limit moves away from the market by a tenth.
	Change func(*broker.Order)
}

// HoldOrder keeps the N-th order from the market as [broker.StatusHeld].
type HoldOrder struct {
	N int
	// For is how long. Default: until the close.
	For time.Duration
}

// StatusWithoutFills tells the status of the N-th order at once, each of its
// fills only after a time.
type StatusWithoutFills struct {
	N   int
	For time.Duration
}

// FillsWithoutStatus tells the fills of the N-th order, but never that it is
// filled.
type FillsWithoutStatus struct{ N int }

// CorrectFill corrects the first fill of the N-th order.
type CorrectFill struct {
	N int
	// After is how long after the fill.
	After time.Duration
	// Price and Quantity are the right ones. Default: as they were.
	Price, Quantity decimal.Decimal
}

// LateFee tells the fees of the N-th order's fills only after a time.
type LateFee struct {
	N   int
	For time.Duration
}

// CutSession cuts the connection: calls fail with [broker.ErrSession] until it
// is back with another epoch. Orders live on. With neither Before nor After the
// cut comes at once.
type CutSession struct {
	// Before and After say at which call of Place: before it is sent, so that it
	// fails as not sent, or after it, so that its outcome is not known.
	Before, After int
	// For is how long. Default: 0, it is back at once.
	For time.Duration
}

// NeverConfirmCancel ignores the N-th request to cancel an open order, which
// stays [broker.StatusPendingCancel].
type NeverConfirmCancel struct{ N int }

// FillAfterCancel confirms the N-th request to cancel an open order, which then
// fills all the same.
type FillAfterCancel struct {
	N int
	// After is how long after the cancel.
	After time.Duration
	// Quantity is how much. Default: all that was left.
	Quantity decimal.Decimal
}

// LagPositions makes snapshots show positions and cash without the newest fills
// for a time. It strikes every fill from now on, or the first N.
type LagPositions struct {
	N   int
	For time.Duration
}

// RefuseSnapshotTag makes the N-th snapshot an error, because the net
// liquidation value is missing in the broker's answer.
type RefuseSnapshotTag struct{ N int }

// FailCall makes the N-th call of a method fail before it did anything.
type FailCall struct {
	// Method is as in [Call]. Default: any.
	Method string
	N      int
	Kind   broker.Kind
	// Err is the cause. Default: "failed by a fault".
	Err error
}

// DuplicateNews tells the N-th news twice.
type DuplicateNews struct{ N int }

// ReorderNews tells the N-th news in reverse, and then again as they were
// before.
type ReorderNews struct{ N int }

// DoubtAbsence makes the N-th ProveAbsent say that it is not certain.
type DoubtAbsence struct{ N int }

func (f RejectOrder) spec() spec        { return spec{FaultRejectOrder, MethodPlace, f.N} }
func (f LoseAck) spec() spec            { return spec{FaultLoseAck, MethodPlace, f.N} }
func (f LoseOrder) spec() spec          { return spec{FaultLoseOrder, MethodPlace, f.N} }
func (f SwallowOrder) spec() spec       { return spec{FaultSwallowOrder, MethodPlace, f.N} }
func (f DelayOrder) spec() spec         { return spec{FaultDelayOrder, MethodPlace, f.N} }
func (f PartialThenStop) spec() spec    { return spec{FaultPartialThenStop, MethodPlace, f.N} }
func (f PartialThenCancel) spec() spec  { return spec{FaultPartialThenCancel, MethodPlace, f.N} }
func (f AlterOrder) spec() spec         { return spec{FaultAlterOrder, MethodPlace, f.N} }
func (f HoldOrder) spec() spec          { return spec{FaultHoldOrder, MethodPlace, f.N} }
func (f StatusWithoutFills) spec() spec { return spec{FaultStatusWithoutFills, MethodPlace, f.N} }
func (f FillsWithoutStatus) spec() spec { return spec{FaultFillsWithoutStatus, MethodPlace, f.N} }
func (f CorrectFill) spec() spec        { return spec{FaultCorrectFill, MethodPlace, f.N} }
func (f LateFee) spec() spec            { return spec{FaultLateFee, MethodPlace, f.N} }
func (f CutSession) spec() spec         { return spec{FaultCutSession, MethodPlace, max(f.Before, f.After)} }
func (f NeverConfirmCancel) spec() spec { return spec{FaultNeverConfirmCancel, MethodCancel, f.N} }
func (f FillAfterCancel) spec() spec    { return spec{FaultFillAfterCancel, MethodCancel, f.N} }
func (f LagPositions) spec() spec       { return spec{FaultLagPositions, "", f.N} }
func (f RefuseSnapshotTag) spec() spec  { return spec{FaultRefuseSnapshotTag, MethodSnapshot, f.N} }
func (f FailCall) spec() spec           { return spec{FaultFailCall, f.Method, f.N} }
func (f DuplicateNews) spec() spec      { return spec{FaultDuplicateNews, MethodAwait, f.N} }
func (f ReorderNews) spec() spec        { return spec{FaultReorderNews, MethodAwait, f.N} }
func (f DoubtAbsence) spec() spec       { return spec{FaultDoubtAbsence, MethodProveAbsent, f.N} }
