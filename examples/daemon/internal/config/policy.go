package config

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/evenkeel/evenkeel/marketdata"
	"github.com/evenkeel/evenkeel/rebalance"
)

// policy reads a policy in the form that [rebalance.DecodePolicy] reads, with
// numbers written as numbers. Fields that cannot be read are left out, so that
// the others are checked all the same.
func (r *reader) policy(node *yaml.Node, name string) rebalance.Policy {
	if node == nil {
		return rebalance.DefaultPolicy()
	}
	before := len(r.faults)
	tree, ok := r.plain(node, name).(map[string]any)
	if !ok || len(r.faults) > before {
		if len(r.faults) == before {
			r.fault(node, name, "want a mapping of fields")
		}
		return rebalance.DefaultPolicy()
	}
	for {
		data, err := json.Marshal(tree)
		var p rebalance.Policy
		if err == nil {
			p, err = rebalance.DecodePolicy(data)
		}
		if err == nil {
			r.problems(node, name, p.Check())
			return p
		}
		cut := 0
		for _, path := range r.problems(node, name, err) {
			cut += without(tree, path)
		}
		if cut == 0 {
			return rebalance.DefaultPolicy()
		}
	}
}

// tiers makes sure that the gateway is asked for a tier that may size an order.
func (r *reader) tiers(c *Config, a *Account, node *yaml.Node, name string) {
	asked := c.Broker.Gateway.Tiers
	if len(asked) == 0 || slices.ContainsFunc(a.Policy.TradableTiers, func(t marketdata.Tier) bool { return slices.Contains(asked, t) }) {
		return
	}
	if slices.ContainsFunc(r.faults, func(f Fault) bool { return f.Field == name+".tradable_tiers" }) {
		return
	}
	at, _ := locate(node, "tradable_tiers")
	r.fault(at, name+".tradable_tiers", "%s: none of them is in broker.tiers, which is %s: no order could be sized", list(a.Policy.TradableTiers), list(asked))
}

// problems reports each line of an error at the field that it names, and returns
// the paths of these.
func (r *reader) problems(node *yaml.Node, name string, err error) (paths []string) {
	if err == nil {
		return nil
	}
	for problem := range strings.SplitSeq(err.Error(), "\n") {
		if strings.HasPrefix(problem, "rebalance: policy has") {
			continue // a heading
		}
		problem = strings.TrimPrefix(problem, "rebalance: policy: ")
		at, path := locate(node, problem)
		field := name
		if path != "" {
			paths, field = append(paths, path), name+"."+path
			problem = strings.TrimPrefix(strings.TrimLeft(strings.TrimPrefix(problem, path), ": "), "is ")
			if strings.HasPrefix(problem, "unknown field ") {
				problem = "unknown field"
			}
		}
		r.fault(at, field, "%s", inYAML.Replace(strings.TrimPrefix(problem, "broker: ")))
	}
	return paths
}

// without cuts a field out of a tree, and counts what was cut.
func without(tree map[string]any, path string) int {
	key, rest, deeper := strings.Cut(path, ".")
	if name, _, item := strings.Cut(key, "["); item { // a list goes as a whole
		key, deeper = name, false
	}
	inner, ok := tree[key].(map[string]any)
	if deeper && ok {
		return without(inner, rest)
	}
	if _, there := tree[key]; !there {
		return 0
	}
	delete(tree, key)
	return 1
}

// plain turns YAML into what JSON can say: numbers become texts, as a policy
// wants them.
func (r *reader) plain(node *yaml.Node, name string) any {
	switch node.Kind {
	case yaml.MappingNode:
		s, all := r.open(node, name), map[string]any{}
		for key, value := range s.keys {
			all[key] = r.plain(value, s.at(key))
		}
		return all
	case yaml.SequenceNode:
		all := make([]any, len(node.Content))
		for i, item := range node.Content {
			all[i] = r.plain(item, name)
		}
		return all
	case yaml.AliasNode:
		r.fault(node, name, "aliases are not supported: write it out")
		return nil
	case yaml.ScalarNode, yaml.DocumentNode: // a document cannot be inside one
	}
	switch node.Tag {
	case "!!bool":
		return node.Value == "true"
	case "!!null":
		return nil
	}
	return node.Value
}

var (
	fieldWord = regexp.MustCompile(`[a-z][a-z_]+(\[\d+\])?(\.[a-z_]+(\[\d+\])?)*`)
	fieldStep = regexp.MustCompile(`^([a-z_]+)(?:\[(\d+)\])?$`)
	// inYAML are the words of YAML for those of JSON.
	inYAML = strings.NewReplacer("a number as a string", "a number", "an object", "a mapping")
)

// locate finds the node that a message names, with its path, or the whole policy.
func locate(node *yaml.Node, problem string) (*yaml.Node, string) {
	if node == nil {
		return nil, ""
	}
	for _, word := range fieldWord.FindAllString(strings.ToLower(problem), -1) {
		if found := follow(node, word); found != nil {
			return found, word
		}
	}
	return node, ""
}

// follow goes down a path from a mapping, and returns nil if it leads nowhere.
func follow(node *yaml.Node, path string) *yaml.Node {
	for step := range strings.SplitSeq(path, ".") {
		parts := fieldStep.FindStringSubmatch(step)
		if parts == nil || node.Kind != yaml.MappingNode {
			return nil
		}
		if node = valueOf(node, parts[1]); node == nil {
			return nil
		}
		if parts[2] == "" {
			continue
		}
		i, err := strconv.Atoi(parts[2])
		if err != nil || node.Kind != yaml.SequenceNode || i >= len(node.Content) {
			return nil
		}
		node = node.Content[i]
	}
	return node
}

// valueOf returns the value of a key of a mapping, nil if there is none.
func valueOf(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
