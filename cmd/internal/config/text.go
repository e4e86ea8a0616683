package config

import (
	"bytes"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// text is what a file says, without a byte order mark. What is not in UTF-8 is called by
// its name, as some editors and shells write other encodings.
func text(name string, data []byte) ([]byte, error) {
	fault := func(line, column int, message string) error {
		return &Error{File: name, Line: line, Column: column, Message: message}
	}
	const again = "; save it as UTF-8 (in PowerShell: Out-File -Encoding utf8)"
	switch head := data[:min(len(data), 4)]; {
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(head, []byte("\x00\x00\xfe\xff")):
		return nil, fault(1, 1, "the file is in UTF-32"+again)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")),
		len(head) > 1 && (head[0] == 0) != (head[1] == 0):
		return nil, fault(1, 1, "the file is in UTF-16"+again)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if utf8.Valid(data) {
		return data, nil
	}
	line := 0
	for l := range bytes.Lines(data) {
		line++
		if !utf8.Valid(l) {
			return nil, fault(line, firstInvalid(l)+1, "the file is not in UTF-8 here"+again)
		}
	}
	return data, nil
}

// firstInvalid is where the first byte stands that is no part of a character.
func firstInvalid(text []byte) int {
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		at += n
	}
	return at
}

// documents are those that say something: behind the last --- there may be nothing.
func documents(file *ast.File) []*ast.DocumentNode {
	var docs []*ast.DocumentNode
	for _, d := range file.Docs {
		switch d.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		default:
			docs = append(docs, d)
		}
	}
	return docs
}

// asWritten makes texts of numbers: none of the values that a configuration has is one, but
// for its version, and 012345670123 is an account, not the octal number.
func asWritten(body ast.Node) { ast.Walk(writer{}, body) }

type writer struct{}

// Visit implements ast.Visitor.
func (w writer) Visit(node ast.Node) ast.Visitor {
	switch n := node.(type) {
	case *ast.MappingValueNode:
		if n.GetPath() == "$.version" {
			return nil
		}
		if key, ok := written(n.Key).(ast.MapKeyNode); ok {
			n.Key = key
		}
		n.Value = written(n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			n.Values[i] = written(v)
		}
	case *ast.AnchorNode:
		n.Value = written(n.Value)
	}
	return w
}

func written(node ast.Node) ast.Node {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		whole := *node.GetToken()
		s := ast.String(&whole)
		s.SetPath(node.GetPath())
		return s
	}
	return node
}
