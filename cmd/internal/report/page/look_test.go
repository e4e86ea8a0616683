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
		b := box{a.TextX, a.TextY, len(a.Label) * labelLetter}
		for _, o := range areas {
			if o.Code != a.Code && b.covers(o) {
				t.Errorf("the label of %s is over the spot of %s", a.Code, o.Code)
			}
		}
	}
}

// No label hides another, however close countries are.
func TestLabels(t *testing.T) {
	var areas []area
	for i := range 24 {
		areas = append(areas, area{Label: fmt.Sprintf("C%d 1,234", i), X: 4500 + i%5*120, Y: 700 + i/5*110})
	}
	areas = append(areas, area{Label: "FJ 12,345,678", X: 9500, Y: 4370}, area{Label: "GL 1", X: 20, Y: 5})
	place(areas)
	for i, a := range areas {
		if a.Label == "" {
			t.Error("a label found no place")
		}
		if a.TextX < 0 || a.TextX+len(a.Label)*labelLetter > mapWidth || a.TextY < labelHeight/2 || a.TextY > mapHeight {
			t.Errorf("%s is outside of the map: %d, %d", a.Label, a.TextX, a.TextY)
		}
		for _, b := range areas[:i] {
			if a.TextX < b.TextX+len(b.Label)*labelLetter && b.TextX < a.TextX+len(a.Label)*labelLetter &&
				max(a.TextY-b.TextY, b.TextY-a.TextY) < labelHeight {
				t.Errorf("%s hides %s", a.Label, b.Label)
			}
		}
	}
}
