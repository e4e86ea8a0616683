package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// empty refuses what is written and says nothing: an empty list, mapping or text, or
// no value at all. A template whose variable was not set leaves such a line, and the
// default that would take its place can be anything but what was meant: no policy, no
// account, every region.
func (k *checker) empty(body ast.Node) error {
	f := &emptyFinder{}
	ast.Walk(f, body)
	if f.found == nil {
		return nil
	}
	line, column := start(f.found)
	name := f.found.Key.GetToken().Value
	return &Error{File: k.name, Line: max(line, 1), Column: max(column, 1),
		Message: name + " is empty: give it a value, or leave the line out for the default"}
}

// emptyFinder finds the first key without a value. A region needs none.
type emptyFinder struct{ found *ast.MappingValueNode }

// Visit implements ast.Visitor.
func (f *emptyFinder) Visit(node ast.Node) ast.Visitor {
	pair, ok := node.(*ast.MappingValueNode)
	if !ok || f.found != nil {
		return f
	}
	if says := saysNothing(pair.Value); says && !isRegion(pair) {
		f.found = pair
	}
	return f
}

// isRegion tells whether a key is that of a region, by where it stands.
func isRegion(pair *ast.MappingValueNode) bool {
	parts := strings.Split(strings.TrimPrefix(pair.GetPath(), "$."), ".")
	return len(parts) >= 4 && parts[0] == "providers" && parts[2] == "regions"
}

func saysNothing(node ast.Node) bool {
	switch n := node.(type) {
	case nil:
		return true
	case *ast.NullNode:
		return true
	case *ast.StringNode:
		return strings.TrimSpace(n.Value) == ""
	case *ast.LiteralNode:
		return strings.TrimSpace(n.Value.Value) == ""
	case *ast.SequenceNode:
		return len(n.Values) == 0
	case *ast.MappingNode:
		return len(n.Values) == 0
	case *ast.TagNode:
		return saysNothing(n.Value)
	case *ast.AnchorNode:
		return saysNothing(n.Value)
	}
	return false
}
