package config

import "github.com/goccy/go-yaml/ast"

// mostMerged bounds the pairs that merge keys bring, each of which can be named again and
// again.
const mostMerged = 100_000

// merge puts in the place of each merge key (<<) the pairs that it stands for. What a mapping
// has by itself goes before them, and of several that are merged the first (YAML, "Merge Key
// Language-Independent Type"): the library takes such a pair for a second one.
func merge(name string, body ast.Node) error {
	m := &merger{anchors: make(map[string]ast.Node), left: mostMerged}
	ast.Walk(anchorFinder(m.anchors), body)
	ast.Walk(m, body)
	if m.left >= 0 {
		return nil
	}
	line, column := start(m.beyond)
	return &Error{File: name, Line: max(line, 1), Column: max(column, 1),
		Message: "merge keys (<<) bring too much: write it out"}
}

type anchorFinder map[string]ast.Node

// Visit implements ast.Visitor.
func (f anchorFinder) Visit(node ast.Node) ast.Visitor {
	if n, ok := node.(*ast.AnchorNode); ok && n.Name != nil {
		f[n.Name.GetToken().Value] = n.Value
	}
	return f
}

type merger struct {
	anchors map[string]ast.Node
	left    int
	beyond  ast.Node // where there is too much
}

// Visit implements ast.Visitor.
func (m *merger) Visit(node ast.Node) ast.Visitor {
	mapping, ok := node.(*ast.MappingNode)
	if !ok || m.left < 0 {
		return m
	}
	var own, merged []*ast.MappingValueNode
	has := make(map[string]bool)
	for _, pair := range mapping.Values {
		from, known := m.pairs(pair)
		if !known {
			own = append(own, pair)
			has[pair.Key.GetToken().Value] = true
			continue
		}
		merged = append(merged, from...)
	}
	for _, pair := range merged {
		if m.left--; m.left < 0 {
			m.beyond = mapping
			return m
		}
		if key := pair.Key.GetToken().Value; !has[key] {
			own, has[key] = append(own, pair), true
		}
	}
	mapping.Values = own
	return m
}

// pairs are those that a merge key stands for; not known of anything else, and of what
// cannot be merged, which is for the library to refuse.
func (m *merger) pairs(pair *ast.MappingValueNode) (pairs []*ast.MappingValueNode, known bool) {
	if pair.Key == nil || !pair.Key.IsMergeKey() {
		return nil, false
	}
	sources := []ast.Node{pair.Value}
	if list, ok := pair.Value.(*ast.SequenceNode); ok {
		sources = list.Values
	}
	for _, source := range sources {
		if alias, ok := source.(*ast.AliasNode); ok {
			source = m.anchors[alias.Value.GetToken().Value]
		}
		switch from := source.(type) {
		case *ast.MappingNode:
			pairs = append(pairs, from.Values...)
		case *ast.MappingValueNode:
			pairs = append(pairs, from)
		default:
			return nil, false
		}
	}
	return pairs, true
}
