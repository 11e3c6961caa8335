package gatewaysim

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// The kinds of ledger entries.
const (
	KindConnected    = "connected"
	KindDisconnected = "disconnected"
	KindUnhandshaken = "unhandshaken" // a connection that began with something else than a greeting
	KindReceived     = "received"     // a message of a client
	KindMalformed    = "malformed"    // a message that could not be read
	KindSent         = "sent"         // a message to a client
	KindOrder        = "order"        // an order was accepted
	KindModified     = "modified"     // an order was changed by its client
	KindRejected     = "rejected"     // an order was refused
	KindCancelAsked  = "cancel_asked" // a cancel arrived
	KindCancelled    = "cancelled"    // an order is cancelled
	KindFill         = "fill"         // an execution
	KindCorrection   = "correction"   // an execution was corrected
	KindWhatIf       = "what_if"      // a preview was answered
	KindFault        = "fault"        // a fault struck
	KindRestart      = "restart"      // the gateway restarted
)

// Entry is one line of the ledger. Fields that do not belong to the kind are
// empty.
type Entry struct {
	Seq     int       `json:"seq"`
	Time    time.Time `json:"time"` // by the gateway's clock
	Kind    string    `json:"kind"`
	Session int       `json:"session,omitempty"` // number of the connection, from 1
	Client  int       `json:"client,omitempty"`
	Name    string    `json:"name,omitempty"` // of the message or the fault
	Bytes   int       `json:"bytes,omitempty"`
	Account string    `json:"account,omitempty"`
	OrderID int       `json:"order_id,omitempty"`
	PermID  int64     `json:"perm_id,omitempty"`
	Ref     string    `json:"ref,omitempty"`
	ExecID  string    `json:"exec_id,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

// Ledger returns all entries that are kept, or those of the given kinds. How
// many are kept is [Config.LedgerSize].
func (g *Gateway) Ledger(kinds ...string) []Entry { return g.ledgerSince(0, kinds) }

func (g *Gateway) ledgerSince(seq int, kinds []string) []Entry {
	g.ex.mu.Lock()
	defer g.ex.mu.Unlock()
	found := []Entry{}
	kept := g.ex.keptLedger()
	dropped := g.ex.recorded - len(kept)
	for _, e := range kept[min(max(seq-dropped, 0), len(kept)):] {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			found = append(found, e)
		}
	}
	return found
}

// keptLedger is the ledger without what is too old. The lock is held.
func (e *Exchange) keptLedger() []Entry {
	if limit := e.cfg.LedgerSize; limit > 0 && len(e.ledger) > limit {
		return e.ledger[len(e.ledger)-limit:]
	}
	return e.ledger
}

// note is record for callers without the lock.
func (e *Exchange) note(s *tcpSession, entry Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.record(s, entry)
}

// record appends an entry, and at times drops those that are too old. The lock
// is held.
func (e *Exchange) record(s *tcpSession, entry Entry) {
	e.recorded++
	entry.Seq, entry.Time = e.recorded, e.now()
	if kept := e.keptLedger(); len(e.ledger) >= 2*len(kept) && len(kept) < len(e.ledger) {
		e.ledger = slices.Delete(e.ledger, 0, len(e.ledger)-len(kept))
	}
	if s != nil {
		entry.Session, entry.Client = s.number, s.client
	}
	e.ledger = append(e.ledger, entry)
}

// recordOrder appends an entry about an order. The lock is held.
func (e *Exchange) recordOrder(kind string, o *order, detail string, args ...any) {
	e.record(nil, Entry{
		Kind: kind, Client: o.client, Account: o.account, OrderID: o.id, PermID: o.perm, Ref: o.ref, Detail: fmt.Sprintf(detail, args...),
	})
}

// recordFill appends an entry about an execution or a correction. The lock is held.
func (e *Exchange) recordFill(kind string, f *fill) {
	e.recordOrder(kind, f.order, "%s at %s", f.quantity, f.price)
	e.ledger[len(e.ledger)-1].ExecID = f.id()
}

// brief writes a message in one line.
func brief(m proto.Message) string {
	const most = 300
	text := prototext.MarshalOptions{}.Format(m)
	return text[:min(len(text), most)]
}
