package config

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Bounds of a configuration. What lies beyond them is no configuration, and the
// YAML parser takes memory by the square of the depth.
const (
	maxSize   = 1 << 20 // bytes
	maxDepth  = 50      // brackets within brackets
	maxIndent = 200     // columns before a line's text, dashes of lists included
)

// bounded refuses a text that only a parser would be asked to suffer.
func bounded(name string, data []byte) error {
	if len(data) > maxSize {
		return &Error{File: name, Line: 1, Column: 1, Message: "the file has more than 1 MiB"}
	}
	depth, line := 0, 0
	for text := range bytes.Lines(data) {
		line++
		if indent := len(text) - len(bytes.TrimLeft(text, " -?\t")); indent > maxIndent {
			return &Error{File: name, Line: line, Column: maxIndent, Message: "the line is indented too far"}
		}
		for i, c := range text {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
			if depth > maxDepth {
				return &Error{File: name, Line: line, Column: i + 1, Message: "too many brackets within brackets"}
			}
		}
	}
	return nil
}

// aliasFinder finds aliases within anchors, which multiply what a file says by
// their number for each level.
type aliasFinder struct {
	inAnchor bool
	found    *ast.AliasNode
}

// Visit implements ast.Visitor.
func (f *aliasFinder) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.AnchorNode:
		inner := &aliasFinder{inAnchor: true}
		ast.Walk(inner, n.Value)
		if inner.found != nil && f.found == nil {
			f.found = inner.found
		}
		return nil
	case *ast.AliasNode:
		if f.inAnchor && f.found == nil {
			f.found = n
		}
		return nil
	}
	return f
}

func nestedAlias(name string, body ast.Node) error {
	f := &aliasFinder{}
	ast.Walk(f, body)
	if f.found == nil {
		return nil
	}
	line, column := start(f.found)
	return &Error{File: name, Line: max(line, 1), Column: max(column, 1),
		Message: "an alias inside another alias: write it out"}
}

// brief keeps a message of the YAML library, which may quote the file, to a
// length that can be read.
func brief(message string) string {
	const most = 500
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}
