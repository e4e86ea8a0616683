package nearest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/regions/nearest"
)

func TestNames(t *testing.T) {
	known := []string{"globex", "acme", "Initech", "acne", "globex"}
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"globx", []string{"globex"}},
		{"GLOBEX", []string{"globex"}},
		{"initec", []string{"Initech"}},
		{"acbe", []string{"acme", "acne"}},
		{"acze", []string{"acme", "acne"}},
		{"nobody", nil},
		{"a", nil},
		{"", nil},
		{strings.Repeat("a", 100), nil},
	} {
		got := nearest.Names(tt.name, known)
		if !slices.Equal(got, tt.want) {
			t.Errorf("Names(%q) = %v, want %v", tt.name, got, tt.want)
		}
	}
}
