package httpsource

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/evenkeel/evenkeel/allocation"
	"github.com/evenkeel/evenkeel/internal/strictjson"
)

// answer is the part of an answer that is read.
type answer struct {
	Status string `json:"status"`
	Data   *data  `json:"data"`
}

// data is the payload of an answer.
type data struct {
	LastRebalanceOn string    `json:"last_rebalance_on"`
	Allocations     *[]target `json:"allocations"`
}

// target is a target of an answer.
type target struct {
	Symbol     string `json:"symbol"`
	Allocation number `json:"allocation"`
}

// number is the text of a JSON string or of any other JSON value: whether it is
// a number is decided later.
type number string

// UnmarshalJSON keeps the text.
func (n *number) UnmarshalJSON(text []byte) error {
	if text[0] != '"' {
		*n = number(text)
		return nil
	}
	return json.Unmarshal(text, (*string)(n))
}

// notJSON is the fault of a body that is worth a second request.
type notJSON struct{ err error }

func (n *notJSON) Error() string { return n.err.Error() }

// decode reads a body.
func decode(body []byte, strategy string, zone *time.Location) (allocation.Allocation, error) {
	if !json.Valid(body) {
		return allocation.Allocation{}, invalid(&notJSON{strictjson.Check(body)})
	}
	if err := strictjson.Check(body); err != nil {
		return allocation.Allocation{}, invalid(err)
	}
	var in answer
	if err := json.Unmarshal(body, &in); err != nil {
		return allocation.Allocation{}, invalid(typeFault(err))
	}
	switch {
	case in.Status != "success":
		return allocation.Allocation{}, invalid(fmt.Errorf("its status is %.40q, want %q", in.Status, "success"))
	case in.Data == nil:
		return allocation.Allocation{}, invalid(errors.New("it has no data"))
	case in.Data.Allocations == nil:
		return allocation.Allocation{}, invalid(errors.New("it has no data.allocations"))
	}
	return in.Data.allocation(strategy, zone)
}

// allocation makes an allocation of a payload.
func (d *data) allocation(strategy string, zone *time.Location) (allocation.Allocation, error) {
	a := allocation.Allocation{Schema: allocation.Schema, Strategy: strategy}
	var err error
	if a.AsOf, err = d.asOf(zone); err != nil {
		return allocation.Allocation{}, invalid(err)
	}
	if a.Targets, err = allocation.ParseTargets(d.pairs()); err != nil {
		return allocation.Allocation{}, err
	}
	a.Version = allocation.Hash(a)
	return a, nil
}

// asOf reads when the targets were decided; zero if the answer does not say it.
func (d *data) asOf(zone *time.Location) (time.Time, error) {
	if d.LastRebalanceOn == "" {
		return time.Time{}, nil
	}
	if at, err := time.ParseInLocation(time.DateOnly, d.LastRebalanceOn, zone); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339, d.LastRebalanceOn)
	if err != nil {
		return time.Time{}, fmt.Errorf("last_rebalance_on is %.40q, want a date such as 2026-03-02", d.LastRebalanceOn)
	}
	return at, nil
}

// pairs returns the texts of the targets.
func (d *data) pairs() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, t := range *d.Allocations {
			if !yield(t.Symbol, string(t.Allocation)) {
				return
			}
		}
	}
}

// typeFault names the field of a wrong type.
func typeFault(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Errorf("its %s is a JSON %s", t.Field, t.Value)
	}
	return err
}
