package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/evenkeel/evenkeel/examples/backtest/replay"
)

const barWidth = 40

// progress is a bar on a terminal, and nothing anywhere else.
type progress struct {
	w     io.Writer // nil: not a terminal
	shown int       // cells that are full, and one
	what  string
}

// newProgress returns a bar that is shown only if w is a terminal.
func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: w}
	}
	return &progress{}
}

// show draws the bar anew if it has grown.
func (p *progress) show(what string, day *replay.Day) {
	full := day.Number * barWidth / day.Of
	if p.w == nil || full+1 == p.shown && what == p.what {
		return
	}
	p.shown, p.what = full+1, what
	fmt.Fprintf(p.w, "\r%s%s %s %-20s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), day.Date, what)
}

// clear wipes the bar.
func (p *progress) clear() {
	if p.w != nil && p.shown > 0 {
		fmt.Fprintf(p.w, "\r%s\r", strings.Repeat(" ", barWidth+35))
	}
}
