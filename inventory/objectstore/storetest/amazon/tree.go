package amazon

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// node is an element of a document.
type node struct {
	name     string
	text     string
	children []*node
}

// parseTree reads a document whose elements have either text or children.
func parseTree(text []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	root := &node{}
	stack := []*node{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(root.children) != 1 {
		return nil, errors.New("no document")
	}
	return root.children[0], nil
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// value is a child's text; empty where there is none.
func (n *node) value(name string) string {
	if c := n.child(name); c != nil {
		return c.text
	}
	return ""
}

// set gives a child a text, and makes it if need be.
func (n *node) set(name, text string) {
	c := n.child(name)
	if c == nil {
		c = &node{name: name}
		n.children = append(n.children, c)
	}
	c.text = text
}

func (n *node) document() []byte {
	var b strings.Builder
	b.WriteString(xml.Header)
	n.write(&b, true)
	return []byte(b.String())
}

func (n *node) write(b *strings.Builder, root bool) {
	b.WriteString("<" + n.name)
	if root {
		b.WriteString(" " + namespace)
	}
	b.WriteString(">")
	if len(n.children) == 0 {
		_ = xml.EscapeText(b, []byte(n.text)) // a strings.Builder takes everything
	}
	for _, c := range n.children {
		c.write(b, false)
	}
	b.WriteString("</" + n.name + ">")
}
