package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A configuration that is made to exhaust whoever reads it is refused, or read,
// but never hangs or ends the program.
func TestHostileConfigurations(t *testing.T) {
	catalog := load(t)
	var bomb strings.Builder
	bomb.WriteString("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	for name, in := range map[string]string{
		"aliases of aliases":   bomb.String() + base[len("version: 1\n"):],
		"an alias to itself":   "version: 1\nproviders: &p {a: *p}\n",
		"deep lists":           base + "policy:\n  allowed: " + strings.Repeat("[", 100_000),
		"deep maps":            base + "policy: " + strings.Repeat("{a: ", 100_000),
		"deep by indentation":  base + deep(2_000),
		"a huge file":          base + "#" + strings.Repeat("x", 8<<20),
		"a NUL":                base + "state: \"a\x00b\"\n\x00",
		"an account that is 0": "version: 1\nproviders:\n  aws: {type: aws, account: 12}\n",
		"an account with a newline": "version: 1\nproviders:\n  cloud:\n    type: s3\n    account: \"me\\r\\nX-Evil: 1\"\n" +
			"    regions:\n      us-east-1: {endpoint: http://127.0.0.1:9101}\n",
	} {
		_, err := Parse(catalog, "f.yaml", []byte(in))
		var e *Error
		if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || len(err.Error()) > 2000 {
			t.Errorf("%s: %.300v, want an *Error", name, err)
		}
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// An account is taken as it is written, leading zeros included.
func TestAccount(t *testing.T) {
	c, err := Parse(load(t), "f.yaml", []byte("version: 1\nproviders:\n  aws: {type: aws, account: \"012345678901\"}\n "+
		" two: {type: aws, account: 123456789012}\n"))
	if err != nil || c.Providers["aws"].Account != "012345678901" || c.Providers["two"].Account != "123456789012" {
		t.Errorf("accounts %+v, %v", c, err)
	}
}
