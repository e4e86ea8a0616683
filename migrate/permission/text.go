package permission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// What stands in policies for buckets that nobody named.
const (
	SourceBucket      = "SOURCE-BUCKET"
	DestinationBucket = "DESTINATION-BUCKET"
)

// What stands in roles for a subscription or a project that nobody named.
const (
	Subscription = "SUBSCRIPTION"
	Project      = "PROJECT"
)

// elsewhere is how an end is called that only a search goes to.
const elsewhere = "elsewhere"

// EndNames lists what ends are called.
func EndNames() []string {
	return []string{string(Source), string(Destination), string(State), elsewhere}
}

// Name is what an end is called.
func (w Where) Name() string {
	if w.End == Anywhere {
		return elsewhere
	}
	return string(w.End)
}

// String names an end with its provider and account.
func (w Where) String() string {
	text := w.Name()
	if w.Provider != "" {
		text += ", provider " + w.Provider
	}
	if w.Account != "" {
		text += ", account " + w.Account
	}
	return text
}

// Why says what a request is for, and what becomes of it without.
func (r Row) Why() string {
	if r.Use.Optional != "" {
		return r.Use.Why + " (optional: " + r.Use.Optional + ")"
	}
	return r.Use.Why
}

// Reason is why a policy allows one action at one kind of place.
type Reason struct {
	Action   string
	On       Place
	Requests string
	Why      string
}

// Reasons puts together the rows of one action at one place.
func (d Document) Reasons() []Reason {
	var reasons []Reason
	for _, r := range d.Rows {
		i := slices.IndexFunc(reasons, func(x Reason) bool { return x.Action == r.Action && x.On == r.Use.Place })
		if i < 0 {
			i = len(reasons)
			reasons = append(reasons, Reason{Action: r.Action, On: r.Use.Place})
		}
		reasons[i].Requests = added(reasons[i].Requests, ", ", r.request())
		why := r.Why()
		if len(d.Stages) > 1 {
			why = string(r.Stage) + ": " + why
		}
		reasons[i].Why = added(reasons[i].Why, "; ", why)
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return strings.Compare(a.Action, b.Action) })
	return reasons
}

// request names the request with what makes it need the action.
func (r Row) request() string {
	if r.When == "" {
		return r.Use.Operation
	}
	return fmt.Sprintf("%s (%s)", r.Use.Operation, r.When)
}

// added puts a text behind others that it is not among.
func added(text, separator, more string) string {
	switch {
	case text == "":
		return more
	case slices.Contains(strings.Split(text, separator), more):
		return text
	}
	return text + separator + more
}

// Help is the whole table for people: what each stage needs at each end.
func Help() string {
	var b strings.Builder
	for _, s := range Stages() {
		fmt.Fprintf(&b, "%s (%s)\n", s, s.Command())
		s.help(&b, "")
	}
	for _, service := range []string{Azure, Google} {
		for _, s := range Stages() {
			if len(s.grants(service)) > 0 {
				fmt.Fprintf(&b, "%s, of providers of type %s\n", s, service)
				s.help(&b, service)
			}
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (s Stage) help(b *strings.Builder, service string) {
	for _, w := range []Where{
		{End: Source, Partition: "aws", KMS: true}, {End: Destination, Partition: "aws", KMS: true},
		{End: State, Partition: "aws", KMS: true}, {End: Anywhere, Partition: "aws"},
	} {
		w.Service, w.Places = service, []objectstore.Location{{Bucket: SourceBucket}}
		for _, optional := range []bool{false, true} {
			if actions := w.actions(s, optional); actions != "" {
				name := w.Name()
				if optional {
					name += ", optional"
				}
				b.WriteString(wrapped("  "+name+": ", actions))
			}
		}
	}
}

// actions lists what a stage needs at an end.
func (w Where) actions(s Stage, optional bool) string {
	var names []string
	for _, r := range w.document([]Stage{s}).Rows {
		if (r.Use.Optional != "") == optional {
			names = append(names, r.Action)
		}
	}
	return strings.Join(distinct(names), ", ")
}

// helpWidth is how wide help texts are, in columns.
const helpWidth = 80

// wrapped breaks a list into lines, indented behind the first.
func wrapped(head, list string) string {
	var b strings.Builder
	line := head
	for i, word := range strings.Split(list, " ") {
		if i > 0 && len(line)+len(word) > helpWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "    "
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
