package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
)

// CSV writes a row for each place, and one for each finding beneath the place that it is
// about; those about none come last.
func CSV(w io.Writer, r *Report) error {
	header := []string{"record", "command", "at", "customer", "location", "provider", "region", "country",
		"jurisdictions", "operator", "operator_country", "entries", "bytes", "standing", "rule", "severity", "count", "text",
		"next", "waived_until", "waiver_reason", "waiver_owner", "waiver_expired"}
	at := r.At.Format("2006-01-02T15:04:05Z07:00")
	found := func(f Finding, p Place) []string {
		return append([]string{"finding", r.Command, at, f.Customer, f.Location, p.Provider, p.Region, p.Country,
			strings.Join(p.Sets, " "), p.Operator, p.OperatorCountry, "", "", p.Standing, f.Rule, string(f.Severity),
			number(f.Count), f.Text, f.Next}, waiver(f.Waiver)...)
	}
	about, rest := r.about()
	var rows [][]string
	for i, p := range r.Places {
		rows = append(rows, append([]string{"place", r.Command, at, p.Customer, p.Location, p.Provider, p.Region, p.Country,
			strings.Join(p.Sets, " "), p.Operator, p.OperatorCountry, number(p.Entries), number(p.Bytes), p.Standing, "", "",
			"", p.Unseen, ""}, waiver(p.Waiver)...))
		for _, f := range about[i] {
			rows = append(rows, found(f, p))
		}
	}
	for _, f := range rest {
		rows = append(rows, found(f, Place{Region: f.Region}))
	}
	return render.CSV(w, header, rows)
}

func waiver(w *inventory.Waived) []string {
	if w == nil {
		return make([]string, 4)
	}
	return []string{w.Until, w.Reason, w.Owner, strconv.FormatBool(w.Expired)}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
