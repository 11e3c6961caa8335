package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
)

// table lines up columns that are separated by tabs.
func (c *call) table() *tabwriter.Writer { return tabwriter.NewWriter(c.Stdout, 0, 0, 2, ' ', 0) }

// show writes an answer: as JSON, or as people read it.
func (c *call) show(v any, people func() error) error {
	if c.output == "table" {
		return people()
	}
	e := json.NewEncoder(c.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// clean makes a text from outside fit for a line of a terminal.
func clean(v any) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return '?'
		}
		return r
	}, fmt.Sprint(v))
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func percent(d decimal.Decimal) string { return d.Shift(2).StringFixed(2) + "%" }
func money(d decimal.Decimal) string   { return d.StringFixed(2) }

// terminal reports whether somebody watches standard error.
func (c *call) terminal() bool {
	f, ok := c.Stderr.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress shows that something takes a while, until the returned function is
// called. Only a terminal shows it.
func (c *call) progress(what string) (ended func()) {
	if !c.terminal() {
		return func() {}
	}
	stop, began := make(chan struct{}), time.Now()
	var shower sync.WaitGroup
	shower.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			fmt.Fprintf(c.Stderr, "\r%c %s, %s \x1b[K", `|/-\`[n%4], what, time.Since(began).Round(time.Second))
			select {
			case <-stop:
				fmt.Fprint(c.Stderr, "\r\x1b[K")
				return
			case <-tick.C:
			}
		}
	})
	return func() { close(stop); shower.Wait() }
}
