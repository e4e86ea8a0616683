package page

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// land is a country of the map.
type land struct {
	Code, D string
}

// figure is a map.
type figure struct {
	ID, Title, Description string
	Caption                string // what of that is shown
	Areas                  []area
	Legend                 []legend
}

type legend struct{ Class, Text string }

// area is a country that a map shows with its number, beside a spot in its middle.
type area struct {
	Code, Class, Label         string
	X, Y                       int
	Small                      bool // drawn as a circle too, for its pattern would not show
	LineX, LineY, TextX, TextY int
	Anchor                     string // the end of its label that is at TextX
	at                         box    // of its label, where that is largest
}

// Patterns tell apart without colours.
const (
	hatched = "hatched"
	dotted  = "dotted"
	crossed = "crossed"
)

// world reads the map.
func world() ([]land, error) {
	data, err := assets.ReadFile("assets/world.svg")
	if err != nil {
		return nil, err
	}
	var svg struct {
		Paths []struct {
			ID string `xml:"id,attr"`
			D  string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal(data, &svg); err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	all := make([]land, len(svg.Paths))
	for i, p := range svg.Paths {
		all[i] = land{p.ID, p.D}
	}
	return all, nil
}

// shown is a country on a map, with how much is there.
type shown struct {
	Country string
	Class   string
	Entries int64
}

// many countries are more than a sentence should name.
const many = 6

// drawing is a map of these countries. What it cannot draw its description says.
func (by Made) drawing(
	lands []land, id, title, description string, countries []shown, legends ...legend,
) *figure {
	f := &figure{ID: id, Title: title}
	var said, missing []string
	slices.SortStableFunc(countries, func(a, b shown) int { return cmp.Compare(b.Entries, a.Entries) })
	for _, c := range countries {
		where := by.country(c.Country)
		if c.Country == "" {
			where = by.inText("")
		}
		said = append(said, where+": "+entries(c.Entries))
		i := slices.IndexFunc(lands, func(l land) bool { return l.Code == c.Country })
		if i < 0 {
			missing = append(missing, where)
			continue
		}
		x, y, size := middle(lands[i].D)
		f.Areas = append(f.Areas, area{Code: c.Country, Class: c.Class, Label: c.Country + " " + rounded(c.Entries),
			X: x, Y: y, Small: size < small})
	}
	f.Legend = slices.DeleteFunc(legends, func(l legend) bool {
		return !slices.ContainsFunc(f.Areas, func(a area) bool { return a.Class == l.Class })
	})
	if len(said) == 0 {
		said = []string{"none"}
	}
	f.Description = description + ". " + strings.Join(said, "; ") + "."
	f.Caption = f.Description
	if len(said) > many {
		f.Caption = description + ". " + strings.Join(said[:many-1], "; ") + "; the table below has all " +
			count(int64(len(said))) + "."
	}
	if len(missing) > 0 {
		not := " Not drawn: " + strings.Join(missing, ", ") + "."
		f.Description, f.Caption = f.Description+not, f.Caption+not
	}
	place(f.Areas)
	return f
}

// small is the area, in units of the map, of a country that no pattern can be seen in.
const small = 60_000

// Of labels, in units of the map, where they are largest: on a phone.
const (
	labelHeight = 370
	labelLetter = 230
	mapWidth    = 9600
	mapHeight   = 4380
)

// box is where a label is: its left end, its line, its width.
type box struct{ x, y, w int }

func (b box) hides(o box) bool {
	return b.x < o.x+o.w && o.x < b.x+b.w && max(b.y-o.y, o.y-b.y) < labelHeight
}

// covers tells whether it is over a country's spot.
func (b box) covers(o area) bool {
	return b.x < o.X+130 && o.X-130 < b.x+b.w && b.y > o.Y-130 && b.y-labelHeight < o.Y+130
}

// near is how far a label may be from its spot, in units of the map. One that stands in another part of the world is
// taken for that one's.
const near = 900

// place puts labels beside their spots, those of the first areas first, where none hides another nor a spot. Where
// there is no room near it, one is cut to the country's code, or left out: the table has them all.
func place(areas []area) {
	var taken []box
	for i := range areas {
		a := &areas[i]
		best, ok := a.fit(areas, taken)
		if !ok {
			a.Label = a.Code
			best, ok = a.fit(areas, taken)
		}
		if !ok {
			a.Label, a.LineX, a.LineY = "", a.X, a.Y
			continue
		}
		taken = append(taken, best)
		a.stand(best)
	}
}

// stand puts its label there, at the end of the box that is next to the spot: on a large screen labels are shorter.
func (a *area) stand(at box) {
	a.at, a.TextY, a.LineY = at, at.y, at.y-80
	switch end := at.x + at.w; {
	case at.x > a.X:
		a.Anchor, a.TextX, a.LineX = "start", at.x, at.x-20
	case end < a.X:
		a.Anchor, a.TextX, a.LineX = "end", end, end+20
	default:
		a.Anchor, a.TextX, a.LineX = "middle", at.x+at.w/2, a.X
	}
}

// fit is the free place next to its spot.
func (a *area) fit(areas []area, taken []box) (best box, ok bool) {
	least := near
	for _, b := range a.places() {
		away := max(b.x-a.X, a.X-b.x-b.w, 0) + max(b.y-a.Y, a.Y-b.y)
		if away >= least || slices.ContainsFunc(taken, b.hides) ||
			slices.ContainsFunc(areas, func(o area) bool { return o.Code != a.Code && b.covers(o) }) {
			continue
		}
		best, least, ok = b, away, true
	}
	return best, ok
}

// places are where its label could be: to the right, to the left, above and beneath.
func (a *area) places() (all []box) {
	w := len(a.Label) * labelLetter
	for row := -6; row <= 6; row++ {
		y := a.Y + 70 + row*labelHeight/2
		for _, x := range []int{a.X + 150, a.X - 150 - w, a.X - w/2} {
			inside := x >= 0 && x <= mapWidth-w-40 && y >= labelHeight && y <= mapHeight-60
			if over := x < a.X && x+w > a.X; inside && (!over || row < -1 || row > 1) {
				all = append(all, box{x, y, w})
			}
		}
	}
	return all
}

func numbers() *regexp.Regexp { return regexp.MustCompile(`-?\d+`) }

// middle is that of a path's largest ring, and how large that is. A path is M, a point, l and steps in whole numbers.
func middle(d string) (x, y int, size float64) {
	number := numbers()
	for ring := range strings.SplitSeq(d, "M") {
		var values []float64
		for _, n := range number.FindAllString(ring, -1) {
			v, err := strconv.ParseFloat(n, 64)
			if err != nil {
				return x, y, size
			}
			values = append(values, v)
		}
		var sum, cx, cy, px, py float64
		for i := 0; i+1 < len(values); i += 2 {
			qx, qy := values[i], values[i+1]
			if i > 0 {
				qx, qy = px+qx, py+qy
				cross := px*qy - qx*py
				sum, cx, cy = sum+cross, cx+(px+qx)*cross, cy+(py+qy)*cross
			}
			px, py = qx, qy
		}
		if len(values) > 1 { // back to its first point
			cross := px*values[1] - values[0]*py
			sum, cx, cy = sum+cross, cx+(px+values[0])*cross, cy+(py+values[1])*cross
		}
		if math.Abs(sum)/2 > size {
			size = math.Abs(sum) / 2
			x, y = int(cx/(3*sum)), int(cy/(3*sum))
		}
	}
	return x, y, size
}
