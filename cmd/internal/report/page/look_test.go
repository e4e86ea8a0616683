package page

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/residency/residency/regions"
)

// luminance is that of a colour in WCAG 2.2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(colour, 16, 32)
	if err != nil || len(colour) != 6 {
		t.Fatalf("colour %q: %v", colour, err)
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

// Text has the contrast that WCAG 2.2 asks for (AA: 4.5; here 7 for what is read at length),
// patterns that of graphics (3), by day and by night.
func TestContrast(t *testing.T) {
	css, err := assets.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	themes := regexp.MustCompile(`:root\{([^}]*)\}`).FindAllSubmatch(css, -1)
	if len(themes) != 2 {
		t.Fatalf("%d themes, want light and dark", len(themes))
	}
	for i, theme := range themes {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+):#([0-9a-f]{6})`).FindAllSubmatch(theme[1], -1) {
			colours[string(m[1])] = string(m[2])
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 7}, {"ink", "wash", 7}, {"soft", "paper", 4.5}, {"link", "paper", 4.5}, {"ink", "land", 4.5},
			{"from", "land", 3}, {"to", "land", 3}, {"both", "land", 3},
		} {
			a, b := luminance(t, colours[pair.front]), luminance(t, colours[pair.back])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < pair.least {
				t.Errorf("theme %d: %s on %s has a contrast of %.1f, want %.1f", i, pair.front, pair.back, got, pair.least)
			}
		}
	}
}

// The map has each country in which a region is, and its spot within the picture.
func TestWorld(t *testing.T) {
	lands, err := world()
	if err != nil {
		t.Fatal(err)
	}
	spots := map[string][2]int{}
	for _, l := range lands {
		x, y, size := middle(l.D)
		if x <= 0 || x >= mapWidth || y <= 0 || y >= mapHeight || size <= 0 {
			t.Errorf("the middle of %s is %d, %d of %.0f", l.Code, x, y, size)
		}
		spots[l.Code] = [2]int{x, y}
	}
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range catalog.All() {
		if _, ok := spots[r.Country]; r.Country != "" && !ok {
			t.Errorf("%s %s is in %s, which the map does not have", r.Provider, r.Code, r.Country)
		}
	}
	for _, order := range [][2]string{{"US", "IE"}, {"IE", "DE"}, {"DE", "JP"}} {
		if spots[order[0]][0] >= spots[order[1]][0] {
			t.Errorf("%s is not west of %s", order[0], order[1])
		}
	}
}

func TestMiddle(t *testing.T) {
	for d, want := range map[string][2]int{
		"M10 10l10 0 0 10-10 0z":                       {15, 15},
		"M0 0l1 0 0 1-1 0zM100 100l0 100 100 0 0-100z": {150, 150}, // the larger one, whichever way it turns
		"M7 7": {0, 0}, "": {0, 0}, "M": {0, 0},
	} {
		if x, y, _ := middle(d); [2]int{x, y} != want {
			t.Errorf("%q: %d, %d", d, x, y)
		}
	}
}

// A label is beside the spots of neighbours.
func TestLabelsLeaveSpots(t *testing.T) {
	areas := []area{{Code: "IE", Label: "IE 10", X: 4210, Y: 590}, {Code: "DE", Label: "DE 20", X: 4640, Y: 650},
		{Code: "US", Label: "US 523", X: 1890, Y: 1020}}
	place(areas)
	for _, a := range areas {
		for _, o := range areas {
			if o.Code != a.Code && a.at.covers(o) {
				t.Errorf("the label of %s is over the spot of %s", a.Code, o.Code)
			}
		}
	}
}

// No label hides another nor stands far from its spot, however close countries are.
func TestLabels(t *testing.T) {
	var areas []area
	for i := range 24 {
		code := string(rune('A'+i)) + "X"
		areas = append(areas, area{Code: code, Label: code + " 1,234", X: 4500 + i%5*120, Y: 700 + i/5*110})
	}
	alone := len(areas)
	areas = append(areas, area{Code: "FJ", Label: "FJ 12.3M", X: 9500, Y: 4370},
		area{Code: "GL", Label: "GL 1", X: 20, Y: 5}, area{Code: "BR", Label: "BR 1,234", X: 2900, Y: 2900})
	place(areas)
	for i, a := range areas {
		if i >= alone && len(a.Label) < 4 {
			t.Errorf("%s has room, and the label %q", a.Code, a.Label)
		}
		if a.Label == "" {
			continue
		}
		at := a.at
		if at.x < 0 || at.x+at.w > mapWidth || at.y < labelHeight/2 || at.y > mapHeight {
			t.Errorf("%s is outside of the map: %+v", a.Label, at)
		}
		if a.TextX < at.x || a.TextX > at.x+at.w || a.TextY != at.y {
			t.Errorf("%s is at %d, %d, and not within %+v", a.Label, a.TextX, a.TextY, at)
		}
		if away := max(at.x-a.X, a.X-at.x-at.w, 0) + max(at.y-a.Y, a.Y-at.y); away >= near {
			t.Errorf("%s is %d from its spot", a.Label, away)
		}
		for _, b := range areas[:i] {
			if b.Label != "" && at.hides(b.at) {
				t.Errorf("%s hides %s", a.Label, b.Label)
			}
		}
	}
}

// A name is one word of a command that people paste, whatever is in it.
func TestShell(t *testing.T) {
	for name, want := range map[string]string{"acme": "acme", "cloud:eu-west-1": "cloud:eu-west-1", "": "''",
		"A & B": "'A & B'", "$(x)": "'$(x)'", "it's": `'it'\''s'`, "a;b": "'a;b'", "Müller": "'Müller'", "a\nb": "'a\nb'"} {
		if got := shell(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestRounded(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 99_999: "99,999", 123_999: "123k", 999_999: "999k", 20_989_019: "21.0M",
		3_210_000_000: "3.2G"} {
		if got := rounded(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestManyCountries(t *testing.T) {
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	by := Made{Catalog: catalog}
	for want, codes := range map[string][]string{
		"Germany (DE) and the United States (US)":           {"US", "DE", "US"},
		"7 countries and one that is not known (section 2)": {"", "BE", "CH", "DE", "ES", "FI", "FR", "US", "US"},
		"7 countries (section 2)":                           {"BE", "CH", "DE", "ES", "FI", "FR", "US"},
	} {
		if got := by.countries(codes); got != want {
			t.Errorf("%v: %s, want %s", codes, got, want)
		}
	}
	if got := byName(by, map[string]int{"DE": 1, "CH": 1, "": 1, "AT": 1}); fmt.Sprint(got) != "[ AT DE CH]" {
		t.Errorf("by name: %q", got)
	}
}
