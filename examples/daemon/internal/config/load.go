package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// Load reads a configuration file. Paths in it are relative to it. Its faults
// are a [*Faults], which matches [ErrInvalid].
func Load(path string, environ func(string) (string, bool)) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: name the file with -config, or leave that away for a paper account", ErrInvalid, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrInvalid, path, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrInvalid, path, maxFile)
	}
	c, faults := Parse(data, filepath.Dir(path), environ)
	if len(faults) > 0 {
		return nil, &Faults{File: path, List: faults}
	}
	return c, nil
}

// Parse reads the text of a configuration, whose paths are relative to folder,
// and returns everything that is wrong with it.
func Parse(data []byte, folder string, environ func(string) (string, bool)) (*Config, []Fault) {
	r := &reader{folder: folder, environ: environ}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, []Fault{syntax(err)}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.fault(nil, "file", "want one YAML document")
	}
	var root *yaml.Node
	if len(doc.Content) > 0 {
		root = doc.Content[0]
	}
	c := r.config(r.open(root, ""))
	return c, r.sorted()
}

var lineOf = regexp.MustCompile(`line (\d+)`)

// syntax is the fault of a text that is no YAML.
func syntax(err error) Fault {
	f := Fault{Field: "file", Problem: err.Error()}
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.Column = 1
	}
	return f
}

// config reads the whole file.
func (r *reader) config(s *section) *Config {
	c := base()
	text(s, "data", &c.Data)
	c.Data = r.path(c.Data)
	c.Broker = r.broker(r.open(s.take("broker"), "broker"))
	c.Queue = r.queue(r.open(s.take("queue"), "queue"))
	c.Journal = r.journal(r.open(s.take("journal"), "journal"))
	if c.Broker.Simulator && (c.Queue.Kind != KindBolt || c.Journal.Kind != KindBolt) {
		r.fault(s.names["broker"], "broker.simulator", "stands beside a queue or journal of kind redis: the simulator begins anew each time, and they would not")
	}
	c.Allocations = r.allocations(r.open(s.take("allocations"), "allocations"), s.line())
	r.accounts(c, s)
	r.schedules(c, s)
	r.limits(c, r.open(s.take("limits"), "limits"))
	r.timing(c, r.open(s.take("timing"), "timing"))
	r.events(c, r.open(s.take("events"), "events"))
	s.count("workers", &c.Workers)
	r.http(c, r.open(s.take("http"), "http"))
	r.ingestion(c, s)
	r.notifications(c, s)
	r.log(c, r.open(s.take("log"), "log"))
	s.done()
	return c
}

func (r *reader) limits(c *Config, s *section) {
	s.count("rejects", &c.Limits.Rejects)
	s.share("collar", &c.Limits.Collar)
	s.share("loss", &c.Limits.Loss)
	s.number("day_turnover", &c.Limits.DayTurnover)
	s.count("day_orders", &c.Limits.DayOrders)
	s.done()
}

func (r *reader) timing(c *Config, s *section) {
	t := &c.Timing
	s.span("acknowledge", &t.Acknowledge)
	s.span("complete", &t.Complete)
	s.span("cancel", &t.Cancel)
	s.span("settle", &t.Settle)
	s.span("sweep", &t.Sweep)
	s.span("lease_margin", &t.LeaseMargin)
	s.span("close_margin", &t.CloseMargin)
	s.span("plan_life", &t.PlanLife)
	s.span("drain", &t.Drain)
	if acknowledge, sweep := cmp.Or(t.Acknowledge, 10*time.Second), cmp.Or(t.Sweep, 15*time.Second); sweep <= acknowledge {
		r.fault(s.line(), "timing.sweep", "%s: want more than timing.acknowledge, which is %s", sweep, acknowledge)
	}
	s.done()
}

func (r *reader) events(c *Config, s *section) {
	e := &c.Events
	s.count("attempts", &e.Attempts)
	s.span("first", &e.First)
	s.count("factor", &e.Factor)
	s.span("longest", &e.Longest)
	s.span("max_age", &e.MaxAge)
	s.span("recheck", &e.Recheck)
	s.done()
}

func (r *reader) log(c *Config, s *section) {
	choice(s, "level", &c.Log.Level, "info", "debug", "warn", "error")
	choice(s, "format", &c.Log.Format, "text", "json")
	s.done()
}

// need reports a field that must not be empty, unless what stands there has a fault
// already.
func (s *section) need(key, value string) {
	if value == "" && !s.broken && !s.faulty(key) {
		s.r.fault(s.line(), s.at(key), "is missing")
	}
}

// faulty reports whether a field has a fault already, or the place of its secret.
func (s *section) faulty(key string) bool {
	return slices.ContainsFunc(s.r.faults, func(f Fault) bool {
		rest, ok := strings.CutPrefix(f.Field, s.at(key))
		return ok && (rest == "" || rest == "_env" || rest == "_file")
	})
}
