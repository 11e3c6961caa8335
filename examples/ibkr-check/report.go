package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/broker"
)

// verdict is how a check ended.
type verdict string

// The verdicts.
const (
	pass    verdict = "pass"
	fail    verdict = "fail"
	unclear verdict = "could not tell"
)

// finding is what a check found.
type finding struct {
	Name string `json:"name"`
	// Open is true for a point that only a real gateway can settle.
	Open    bool    `json:"open_point,omitempty"`
	Verdict verdict `json:"verdict"`
	Detail  string  `json:"detail"`
	Means   string  `json:"means"`
	Millis  int64   `json:"ms"`
}

// report is what all checks found.
type report struct {
	Address       string           `json:"address"`
	Simulated     bool             `json:"simulated,omitempty"`
	Account       broker.AccountID `json:"account"`
	Mode          broker.Mode      `json:"mode"`
	ServerVersion int              `json:"server_version"`
	Started       time.Time        `json:"started"`
	Passed        int              `json:"passed"`
	Failed        int              `json:"failed"`
	Unclear       int              `json:"could_not_tell"`
	Findings      []finding        `json:"findings"`
}

func (r *report) add(f finding) {
	r.Findings = append(r.Findings, f)
	switch f.Verdict {
	case pass:
		r.Passed++
	case fail:
		r.Failed++
	default:
		r.Unclear++
	}
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText prints a line for each check, and below it what it means if it did
// not just pass.
func (r *report) writeText(w io.Writer) error {
	var b strings.Builder
	what := string(r.Mode)
	if r.Simulated {
		what = "simulated"
	}
	fmt.Fprintf(&b, "Gateway %s, server version %d, account %s (%s)\n\n", r.Address, r.ServerVersion, r.Account, what)
	wide := 0
	for _, f := range r.Findings {
		wide = max(wide, len(f.Name))
	}
	for _, f := range r.Findings {
		open := " "
		if f.Open {
			open = "?"
		}
		fmt.Fprintf(&b, "%-14s %s %-*s  %s\n", f.Verdict, open, wide, f.Name, f.Detail)
		if f.Verdict != pass || f.Open {
			fmt.Fprintf(&b, "%-14s   %-*s    %s\n", "", wide, "", f.Means)
		}
	}
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d could not tell. ? is a point that only a real gateway settles.\n", r.Passed, r.Failed, r.Unclear)
	_, err := io.WriteString(w, b.String())
	return err
}
