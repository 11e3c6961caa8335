package boltqueue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/queue"
)

// remembered is how many settlements of an event are known, the newest ones.
const remembered = 9

// settlement is how a delivery was settled.
type settlement struct {
	Token string     `json:"token"`
	Verb  queue.Verb `json:"verb"`
	// After is the delay of a retry, Sum the hash of the whole verdict.
	After time.Duration `json:"after,omitempty"`
	Sum   string        `json:"sum"`
}

func settlementOf(token string, v queue.Verdict) (settlement, error) {
	sum, err := sumOf(v)
	s := settlement{Token: token, Verb: v.Verb, Sum: sum}
	if v.Verb == queue.VerbRetry {
		s.After = v.After
	}
	return s, err
}

// sumOf is equal for verdicts that say the same.
func sumOf(v queue.Verdict) (string, error) {
	v.Until = v.Until.UTC()
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("boltqueue: verdict: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// check refuses what was never stored.
func (s *settlement) check() error {
	v := queue.Verdict{Verb: s.Verb}
	if err := v.Check(); err != nil {
		return err
	}
	if s.Token == "" || s.Sum == "" {
		return fmt.Errorf("settlement %+v is not whole", *s)
	}
	return nil
}

// settledBy returns how the delivery with this token was settled, nil if it was not
// or that is forgotten.
func (i *item) settledBy(token string) *settlement {
	at := slices.IndexFunc(i.settled, func(s settlement) bool { return s.Token == token })
	if at < 0 {
		return nil
	}
	return &i.settled[at]
}

// remember keeps a settlement, and forgets the oldest.
func (i *item) remember(s settlement) {
	if over := len(i.settled) + 1 - remembered; over > 0 {
		i.settled = slices.Delete(i.settled, 0, over)
	}
	i.settled = append(i.settled, s)
}

// retriedAfter is the delay of the retry that the event waits for, if it waits for
// one.
func (i *item) retriedAfter() (after time.Duration, ok bool) {
	if n := len(i.settled); n > 0 && i.State == queue.Delayed && i.settled[n-1].Verb == queue.VerbRetry {
		return max(i.settled[n-1].After, 0), true
	}
	return 0, false
}
