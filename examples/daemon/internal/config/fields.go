package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/broker"
)

// scalar returns the text of a single value.
func (s *section) scalar(key string) (string, *yaml.Node) {
	node := s.take(key)
	if node == nil {
		return "", nil
	}
	if node.Kind != yaml.ScalarNode {
		s.r.fault(node, s.at(key), "want a single value")
		return "", nil
	}
	return node.Value, node
}

// text reads a text.
func text[T ~string](s *section, key string, into *T) *yaml.Node {
	value, node := s.scalar(key)
	if node != nil {
		*into = T(value)
	}
	return node
}

// choice reads one of some words.
func choice[T ~string](s *section, key string, into *T, words ...T) *yaml.Node {
	node := text(s, key, into)
	if node != nil && !slices.Contains(words, *into) {
		s.r.fault(node, s.at(key), "%q is none of %s", *into, list(words))
		*into = words[0]
	}
	return node
}

// list writes words for people.
func list[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}

// flag reads true or false.
func (s *section) flag(key string, into *bool) {
	value, node := s.scalar(key)
	if node == nil {
		return
	}
	if value != "true" && value != "false" {
		s.r.fault(node, s.at(key), "%q: want true or false", value)
	}
	*into = value == "true"
}

// unbounded is the highest number of a field that has no limit of its own.
const unbounded = 1<<31 - 1

// count reads a whole number of at least one.
func (s *section) count(key string, into *int) { s.upTo(key, into, 1, unbounded) }

// upTo reads a whole number within limits.
func (s *section) upTo(key string, into *int, least, most int) {
	if _, node := s.scalar(key); node != nil {
		s.whole(node, key, into, least, most, "")
	}
}

// whole reads a whole number. What else is allowed stands in or.
func (s *section) whole(node *yaml.Node, key string, into *int, least, most int, or string) {
	n, err := strconv.Atoi(node.Value)
	switch {
	case err == nil && n >= least && n <= most:
		*into = n
	case most >= unbounded:
		s.r.fault(node, s.at(key), "%q: want a whole number of %d or more%s", node.Value, least, or)
	default:
		s.r.fault(node, s.at(key), "%q: want a whole number from %d to %d%s", node.Value, least, most, or)
	}
}

// units of a size.
var units = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// bytes reads a size such as 512MiB.
func (s *section) bytes(key string, into *int64) {
	value, node := s.scalar(key)
	if node == nil {
		return
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(value, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n > 1<<40/u.bytes || n*u.bytes < 1<<20 {
			break
		}
		*into = n * u.bytes
		return
	}
	s.r.fault(node, s.at(key), "%q: want a size from 1MiB to 1024GiB, such as 512MiB", value)
}

// span reads a duration such as 90s or 1h30m, more than zero.
func (s *section) span(key string, into *time.Duration) *yaml.Node {
	value, node := s.scalar(key)
	if node == nil {
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		s.r.fault(node, s.at(key), "%q: want a duration such as 30s, 5m or 1h30m", value)
		return node
	}
	*into = d
	return node
}

// number reads an exact decimal of at least zero.
func (s *section) number(key string, into *decimal.Decimal) *yaml.Node {
	value, node := s.scalar(key)
	if node == nil {
		return nil
	}
	d, err := broker.ParseDecimal(value)
	if err != nil || d.Sign() < 0 {
		s.r.fault(node, s.at(key), "%q: want a number of 0 or more", value)
		return node
	}
	*into = d
	return node
}

// share reads a number from 0 to 1.
func (s *section) share(key string, into *decimal.Decimal) {
	if node := s.number(key, into); node != nil && into.GreaterThan(decimal.New(1, 0)) {
		s.r.fault(node, s.at(key), "%s: want a fraction from 0 to 1", into)
	}
}

// fraction reads a number that may be missing.
func (s *section) fraction(key string, into *decimal.NullDecimal) {
	var d decimal.Decimal
	if s.number(key, &d) != nil {
		*into = decimal.NewNullDecimal(d)
	}
}

// clock reads a time of the day.
func (s *section) clock(key string, into *time.Duration) *yaml.Node {
	value, node := s.scalar(key)
	if node == nil {
		return nil
	}
	t, err := time.Parse("15:04", value)
	if err != nil {
		s.r.fault(node, s.at(key), "%q: want a time of the day such as 15:30", value)
		return node
	}
	*into = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	return node
}

// zone reads the name of a time zone.
func (s *section) zone(key string, into **time.Location) {
	value, node := s.scalar(key)
	if node == nil {
		return
	}
	z, err := time.LoadLocation(value)
	if err != nil || value == "" {
		s.r.fault(node, s.at(key), "%q: want a time zone such as America/New_York", value)
		return
	}
	*into = z
}

// items yields the nodes of a list with their names.
func (s *section) items(key string) []named {
	node := s.take(key)
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		s.r.fault(node, s.at(key), "want a list")
		return nil
	}
	all := make([]named, len(node.Content))
	for i, item := range node.Content {
		all[i] = named{item, fmt.Sprintf("%s[%d]", s.at(key), i)}
	}
	return all
}

// named is a node with its name.
type named struct {
	node *yaml.Node
	name string
}

// words reads a list of words.
func words[T ~string](s *section, key string, allowed ...T) []T {
	var all []T
	for _, item := range s.items(key) {
		w := T(item.node.Value)
		if item.node.Kind != yaml.ScalarNode {
			s.r.fault(item.node, item.name, "want a single value")
			continue
		}
		if len(allowed) > 0 && !slices.Contains(allowed, w) {
			s.r.fault(item.node, item.name, "%q is none of %s", w, list(allowed))
			continue
		}
		all = append(all, w)
	}
	return all
}
