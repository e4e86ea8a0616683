package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
)

// printResult writes a summary that can be pasted into a ticket.
func (a *app) printResult(p *plan.Plan, r *migrate.Result, verb string, failed error) error {
	if a.output == "json" {
		return a.json(r)
	}
	title := "Done"
	switch {
	case failed != nil:
		title = "Not done"
	case !r.Erased:
		title = "Copied and verified; the source is kept"
	}
	rows := [][]string{
		{"customer", p.Customer},
		{"destination", fmt.Sprintf("%s (%s)", p.Destination, p.Destination.Country)},
		{"plan", p.ID},
		{"configuration", configured(r.Configuration)},
		{"entries", render.Count(r.Entries) + ", " + render.Bytes(r.Bytes)},
		{"verdicts", counts(r.Verdicts, verdictOrder())},
		{"methods", counts(r.Methods, nil)},
	}
	if len(r.Otherwise) > 0 {
		rows = append(rows, []string{"otherwise", "the configuration in force says: " + strings.Join(r.Otherwise, "; ")})
	}
	if len(r.NotInPlan) > 0 {
		rows = append(rows, []string{"not in plan", strings.Join(r.NotInPlan, ", ")})
	}
	if p.Encryption != "" {
		rows = append(rows, []string{"encryption", p.Encryption + ", as asked for"})
	}
	if p.UnguardedWrites {
		rows = append(rows, []string{"writes", plan.UnguardedWrites})
	}
	if slices.ContainsFunc(p.Moves, func(m plan.Move) bool { return m.AnyOrder }) {
		rows = append(rows, []string{"listings", plan.AnyOrder})
	}
	if r.Passes > 1 {
		rows = append(rows, []string{"passes", render.Count(int64(r.Passes)) +
			": others wrote to the source meanwhile, and that was copied too"})
	}
	if r.Outdated > 0 {
		rows = append(rows, []string{"removed", render.Count(r.Outdated) +
			" copies at the destination whose originals were deleted or replaced at the source"})
	}
	if r.Held > 0 {
		rows = append(rows, []string{"found", render.Count(r.Held) +
			" were already at the destination and were verified, not copied"})
	}
	if len(r.Added) > 0 {
		rows = append(rows, []string{"added", counts(r.Added, nil) + ", by the destination itself"})
	}
	if len(r.Erasures) > 0 {
		rows = append(rows, []string{"source", counts(r.Erasures, nil)}, []string{"guards", counts(r.Guards, nil)})
	}
	if r.Erased {
		left := "empty: no version, no delete marker, no unfinished upload"
		if !r.SourceEmpty {
			left = "NOT empty"
			if kept := r.DeletedAndKept(); kept > 0 {
				left = fmt.Sprintf("empty, but %s deleted entries are kept by the service", render.Count(kept))
			}
		}
		rows = append(rows, []string{"last listing", left},
			[]string{"destination", fmt.Sprintf("listed after the erase: %s of %s entries are there as written%s",
				render.Count(r.Found), render.Count(receipt.Placed(r.Entries, r.Methods)), recorded(r.Methods))})
	}
	if r.UploadsAborted > 0 {
		rows = append(rows, []string{"uploads", uploadsAborted(r.UploadsAborted)})
	}
	if r.Newer > 0 {
		rows = append(rows, []string{"besides", further(r.Newer, r.Covered)})
	}
	for _, c := range r.OwnerChecks {
		rows = append(rows, []string{"owner check", c.At + ": " + c.String()})
	}
	for _, c := range r.Callers {
		if c.ARN != "" {
			rows = append(rows, []string{"caller", c.Stage + " at " + c.At + ": " + c.ARN})
		}
	}
	if len(r.Fence) > 0 {
		rows = append(rows, []string{"fence", "writes to " + strings.Join(r.Fence, ", ") +
			" are denied by the statement ResidencyFence… in the bucket policy" + fenceEnd(r)})
	}
	if r.NotFenced != "" {
		rows = append(rows, []string{"fence", "writes were NOT blocked: " + r.NotFenced})
	}
	if r.Entries > 0 {
		rows = append(rows, []string{"not compared", strings.Join(r.NotCompared, "; ")})
	}
	if r.Finished != nil {
		rows = append(rows, []string{"started", r.Started.Format(time.RFC3339)},
			[]string{"finished", r.Finished.Format(time.RFC3339)})
	}
	if r.Certificate != "" {
		rows = append(rows, []string{"certificate", r.Certificate})
	}
	if r.Report != "" {
		rows = append(rows, []string{"report", r.Report})
	}
	for _, id := range r.Signed {
		rows = append(rows, []string{"signed", "with key " + id})
	}
	fmt.Fprintf(a.Out, "%s %s %s\n\n", a.page.Mark(title+":"), verb, p.ID)
	a.printRows(rows)
	for _, l := range r.Left {
		text := l.Location
		if l.Entries+l.Uploads > 0 {
			text += fmt.Sprintf(": %s entries, %s unfinished uploads", render.Count(l.Entries), render.Count(l.Uploads))
		}
		fmt.Fprintln(a.Out, render.Hang("  left          ", render.Text(text+": "+l.Reason), a.page.Width,
			strings.Repeat(" ", 16)))
	}
	a.printProblems(r.Problems)
	if failed == nil && r.Erased {
		a.printExposures("Exposures left", p.Exposures, p.Safeguards)
	}
	if failed == nil && !r.Erased {
		fmt.Fprintf(a.Out, "\nTo erase the source, from this or another job:\n  %s\n", a.command("erase", "--plan", p.ID,
			"--approve", p.Digest))
	}
	return nil
}

// printRows prints names, each with its text beside it.
func (a *app) printRows(rows [][]string) {
	width := 13
	for _, row := range rows {
		width = max(width, min(len(row[0]), 30))
	}
	for _, row := range rows {
		lead := fmt.Sprintf("  %-*s ", width, render.Text(row[0]))
		fmt.Fprintln(a.Out, render.Hang(lead, render.Text(row[1]), a.page.Width, strings.Repeat(" ", width+3)))
	}
}

// configured names a configuration in a line.
func configured(c inventory.Configuration) string { return c.Path + ", sha256 " + c.SHA256 }

// fenceEnd says how long a fence stays.
func fenceEnd(r *migrate.Result) string {
	if r.Erased {
		return "; it stays until you remove it"
	}
	return "; residency migrate --abort " + r.Plan + " lifts it"
}

func (a *app) printProblems(problems []migrate.Problem) {
	if len(problems) == 0 {
		return
	}
	fmt.Fprintln(a.Out, "\nFirst problems:")
	for _, p := range problems {
		text := p.What + ": " + p.Reason
		if p.Location != "" {
			text = p.Location + ": " + text
		}
		if a.logKeys {
			text = fmt.Sprintf("%s %s: %s", render.Text(string(p.Key)), p.VersionID, text)
		}
		fmt.Fprintln(a.Out, render.Hang("  ", render.Text(text), a.page.Width, "    "))
	}
	if !a.logKeys {
		fmt.Fprintln(a.Out, "  (--log-keys shows the keys; the state has them too)")
	}
}

func verdictOrder() []string {
	var order []string
	for _, v := range receipt.Verdicts() {
		order = append(order, string(v))
	}
	return order
}

// recorded says of how many delete markers the destination has no place.
func recorded(methods map[string]int64) string {
	if n := methods[string(receipt.Recorded)]; n > 0 {
		return fmt.Sprintf("; the evidence alone has %s delete markers, for which there is no place", render.Count(n))
	}
	return ""
}

// counts writes "12 verified, 1 failed", in the order given and then by name.
func counts(m map[string]int64, order []string) string {
	names := render.Names(m, order...)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = render.Count(m[name]) + " " + name
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// uploadsAborted says what became of uploads that nobody had finished.
func uploadsAborted(n int64) string {
	if n == 1 {
		return "1 unfinished upload at the source was aborted; what had been sent of it cannot be copied, and was not"
	}
	return render.Count(n) + " unfinished uploads at the source were aborted; what had been sent of them cannot " +
		"be copied, and was not"
}

// further says what a destination holds besides what a plan wrote.
func further(entries, covered int64) string {
	text := fmt.Sprintf("further entries there, not of this plan: %s", render.Count(entries))
	if covered > 0 {
		text += fmt.Sprintf("; current under %s of its keys (a late repeat of a request, or somebody's later write)",
			render.Count(covered))
	}
	return text
}
