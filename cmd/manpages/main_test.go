package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWrite looks whether all commands and topics have one.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	topics, err := filepath.Glob(filepath.Join("..", "internal", "manual", "topics", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"residency.1", "residency-migrate.1", "residency-regions-show.1", "residency-permissions.1"}
	for _, topic := range topics {
		want = append(want, "residency-"+strings.TrimSuffix(filepath.Base(topic), ".md")+".7")
	}
	for _, name := range want {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(page), "\n.TH ") || strings.Contains(string(page), "<!--") {
			t.Errorf("%s: %v\n%.200s", name, err, page)
		}
	}
}
