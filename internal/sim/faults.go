package sim

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/broker/fake"
)

// Fault is a kind of thing that goes wrong, by its name. Each seed enables a
// random subset.
type Fault string

// The faults besides those of the fake broker, which keep their names.
const (
	CrashBefore Fault = "crash_before" // a process dies right before a call
	CrashAfter  Fault = "crash_after"  // … and right after, so that it never hears the answer
	CrashIntent Fault = "crash_intent" // … between the journal's intent and the send
	Pause       Fault = "pause"        // a process stops for longer than its lease
	PauseIntent Fault = "pause_intent" // … between the journal's intent and the send
	Deploy      Fault = "deploy"       // a process is told to stop, and comes back

	PublishFails   Fault = "publish_fails" // the queue did not take it
	PublishLost    Fault = "publish_lost"  // it did, but says that it did not
	ReceiveFails   Fault = "receive_fails"
	ReceiveLost    Fault = "receive_lost"
	SettleFails    Fault = "settle_fails"
	SettleLost     Fault = "settle_lost"
	ExtendFails    Fault = "extend_fails"
	ExtendLost     Fault = "extend_lost"
	QueueOutage    Fault = "queue_outage"   // for minutes nothing of it answers
	JournalFails   Fault = "journal_fails"  // the write did not happen
	JournalLost    Fault = "journal_lost"   // it did, but says that it did not
	JournalOutage  Fault = "journal_outage" // for minutes nothing of it answers
	JournalUnread  Fault = "journal_unread" // a read fails
	AllocTimeout   Fault = "alloc_timeout"  // no answer in time
	AllocBusy      Fault = "alloc_busy"     // 503 with Retry-After
	AllocStale     Fault = "alloc_stale"    // an older version
	AllocEmpty     Fault = "alloc_empty"    // an empty list
	AllocGarbage   Fault = "alloc_garbage"  // weights that cannot be
	AllocDenied    Fault = "alloc_denied"   // 403
	PriceMissing   Fault = "price_missing"
	PriceStale     Fault = "price_stale"
	PriceCrossed   Fault = "price_crossed"
	PriceDelayed   Fault = "price_delayed" // of a tier that may not size orders
	PriceError     Fault = "price_error"
	PriceJump      Fault = "price_jump"
	Halt           Fault = "halt" // an instrument has no quote for a while
	ManualTrade    Fault = "manual_trade"
	ForeignOrder   Fault = "foreign_order"
	Deposit        Fault = "deposit"
	Withdrawal     Fault = "withdrawal"
	Split          Fault = "split"
	KillOne        Fault = "kill_account"
	KillAll        Fault = "kill_all"
	DirectCommand  Fault = "direct_command" // an operator runs a command beside the queue
	BadEvent       Fault = "bad_event"
	PoisonEvent    Fault = "poison_event" // kills whoever handles it
	DuplicateEvent Fault = "duplicate_event"
	EventBurst     Fault = "event_burst"
	NewerEvent     Fault = "newer_event"
	NewAllocation  Fault = "new_allocation"
	WildAllocation Fault = "wild_allocation" // another model altogether
)

// odd is a fault and how often it strikes, in a thousand of its chances.
type odd struct {
	name     Fault
	perMille int
}

// odds lists all faults. What is called each second is rarer than what is called
// once a run.
var odds = []odd{
	{CrashBefore, 2},
	{CrashAfter, 2},
	{CrashIntent, 30},
	{Pause, 1},
	{PauseIntent, 30},
	{Deploy, 300},
	{PublishFails, 50},
	{PublishLost, 50},
	{ReceiveFails, 20},
	{ReceiveLost, 20},
	{SettleFails, 60},
	{SettleLost, 60},
	{ExtendFails, 100},
	{ExtendLost, 100},
	{QueueOutage, 30},
	{JournalFails, 8},
	{JournalLost, 8},
	{JournalOutage, 30},
	{JournalUnread, 50},
	{AllocTimeout, 40},
	{AllocBusy, 60},
	{AllocStale, 60},
	{AllocEmpty, 30},
	{AllocGarbage, 30},
	{AllocDenied, 20},
	{PriceMissing, 40},
	{PriceStale, 40},
	{PriceCrossed, 40},
	{PriceDelayed, 40},
	{PriceError, 60},
	{PriceJump, 40},
	{Halt, 30},
	{ManualTrade, 30},
	{ForeignOrder, 30},
	{Deposit, 60},
	{Withdrawal, 30},
	{Split, 15},
	{KillOne, 60},
	{KillAll, 40},
	{DirectCommand, 150},
	{BadEvent, 100},
	{PoisonEvent, 30},
	{DuplicateEvent, 150},
	{EventBurst, 100},
	{NewerEvent, 20},
	{NewAllocation, 100},
	{WildAllocation, 40},

	{fake.FaultRejectOrder, 60},
	{fake.FaultLoseAck, 60},
	{fake.FaultLoseOrder, 60},
	{fake.FaultSwallowOrder, 50},
	{fake.FaultDelayOrder, 50},
	{fake.FaultPartialThenStop, 60},
	{fake.FaultPartialThenCancel, 60},
	{fake.FaultAlterOrder, 20},
	{fake.FaultHoldOrder, 50},
	{fake.FaultStatusWithoutFills, 60},
	{fake.FaultFillsWithoutStatus, 60},
	{fake.FaultCorrectFill, 30},
	{fake.FaultLateFee, 80},
	{fake.FaultCutSession, 40},
	{fake.FaultNeverConfirmCancel, 150},
	{fake.FaultFillAfterCancel, 150},
	{fake.FaultLagPositions, 80},
	{fake.FaultRefuseSnapshotTag, 40},
	{fake.FaultFailCall, 15},
	{fake.FaultDuplicateNews, 60},
	{fake.FaultReorderNews, 60},
	{fake.FaultDoubtAbsence, 200},
}

// Faults returns the names of all faults, in a fixed order.
func Faults() []Fault {
	names := make([]Fault, len(odds))
	for i, o := range odds {
		names[i] = o.name
	}
	return names
}

// chances draws which faults a seed has: each with the same probability, which
// differs from seed to seed.
func chances(seed uint64, without []Fault) map[Fault]int {
	r := stream(seed, "swarm")
	share := pick(r, []int{0, 10, 10, 20, 20, 35, 50})
	on := make(map[Fault]int, len(odds))
	for _, o := range odds {
		drawn := r.IntN(100) < share
		if drawn && !slices.Contains(without, o.name) {
			on[o.name] = o.perMille
		}
	}
	return on
}

// strikes reports whether a fault strikes now, and counts it.
func (w *world) strikes(a *actor, f Fault) bool {
	perMille, on := w.chance[f]
	if !on || w.isQuiet() || !a.odds(perMille) {
		return false
	}
	w.mark(f)
	return true
}

// mark counts a fault that fired.
func (w *world) mark(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fired[f]++
}

// outages are the times until which a store does not answer.
type outages struct{ queue, journal time.Time }
