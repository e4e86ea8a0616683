package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// join makes one text again of a plain one with a colon inside, such as aws:acme-prod, in
// a list within braces: the parser takes it for a mapping, which takes a space behind the
// colon (YAML 1.2.2, production 127, "ns-plain-safe").
func join(body ast.Node) { ast.Walk(joiner{}, body) }

type joiner struct{}

// Visit implements ast.Visitor.
func (j joiner) Visit(node ast.Node) ast.Visitor {
	list, ok := node.(*ast.SequenceNode)
	if !ok || !list.IsFlowStyle {
		return j
	}
	for i, v := range list.Values {
		if text := joined(v); text != nil {
			list.Values[i] = text
		}
	}
	return j
}

// joined is the text that a mapping of one pair was, if it was one; else nil.
func joined(node ast.Node) ast.Node {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) == 1 && !m.IsFlowStyle {
		node = m.Values[0]
	}
	pair, ok := node.(*ast.MappingValueNode)
	if !ok {
		return nil
	}
	key, colon, value := pair.Key.GetToken(), pair.Start, pair.Value.GetToken()
	if _, scalar := pair.Value.(ast.ScalarNode); !scalar || key.Type != token.StringType ||
		value.Position.Line != key.Position.Line || value.Position.Column != colon.Position.Column+1 {
		return nil
	}
	whole := *key
	whole.Value += ":" + value.Value
	whole.Origin = whole.Value
	text := ast.String(&whole)
	text.SetPath(node.GetPath())
	return text
}
