package ibkr

import "github.com/evenkeel/evenkeel/broker"

// statuses are the gateway's words for where an order stands. A word that is not
// here changes nothing.
var statuses = map[string]broker.Status{
	"ApiPending":    broker.StatusPending,
	"PendingSubmit": broker.StatusPending,
	"PreSubmitted":  broker.StatusHeld,
	"Submitted":     broker.StatusWorking,
	"PendingCancel": broker.StatusPendingCancel,
	"Cancelled":     broker.StatusCancelled,
	"ApiCancelled":  broker.StatusCancelled,
	"Filled":        broker.StatusFilled,
	// Inactive is refused, or held, or may come back: it concludes nothing unless
	// a code or a completed record says that the order is refused.
	inactive: broker.StatusHeld,
}

const inactive = "Inactive"

// merged returns the status that a newer hint leaves: a terminal one stays, and
// what the broker has acknowledged never becomes pending again.
func merged(old, hint broker.Status) broker.Status {
	if old.Terminal() || hint == "" || hint == broker.StatusPending && old != "" {
		return old
	}
	return hint
}
