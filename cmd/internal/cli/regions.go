package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/regions"
)

const regionsName = "regions"

func (a *app) regionsCommand() *cobra.Command {
	var provider string
	c := &cobra.Command{
		Use:   regionsName,
		Short: "List cloud regions with their place, country, operator and law",
		Long: `regions lists the built-in catalog. It needs no configuration and no network.
Every row has a source and a date. What it says of the law is in three groups: law
that applies, compelled access from abroad, and safeguards; each with its state (in
force, lapsed, contested), its source, its date, and whether it was read or is from
memory. What is only negotiated or adopted is told apart.`,
		Example: `  residency regions
  residency regions --provider gcp -o csv
  residency regions show eu-west-1
  residency regions compare eu-west-1 eu-west-2`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			catalog, err := regions.Load()
			if err != nil {
				return err
			}
			return a.listRegions(catalog, provider)
		},
	}
	c.Flags().StringVar(&provider, "provider", "", "only this provider's regions: aws, azure or gcp")
	c.AddCommand(&cobra.Command{
		Use:     "show CODE…",
		Short:   "Show regions in full",
		Example: "  residency regions show eu-west-1 eu-central-1",
		Args:    cobra.MinimumNArgs(1),
		RunE:    func(_ *cobra.Command, codes []string) error { return a.showRegions(codes, a.describeOne) },
	}, &cobra.Command{
		Use:     "compare A B",
		Short:   "Show two regions side by side",
		Example: "  residency regions compare eu-west-1 eu-west-2",
		Args:    cobra.ExactArgs(2),
		RunE:    func(_ *cobra.Command, codes []string) error { return a.showRegions(codes, a.compare) },
	})
	return inFormats(c, "json", "csv")
}

// regionView is a region as JSON shows it.
type regionView struct {
	Provider        string      `json:"provider"`
	Code            string      `json:"region"`
	Name            string      `json:"name"`
	Place           string      `json:"place"`
	Country         string      `json:"country"`
	CountryName     string      `json:"country_name"`
	Countries       []string    `json:"countries,omitempty"` // of one that spans several
	Within          string      `json:"within,omitempty"`    // the set in which its country is not told
	Sets            []string    `json:"jurisdictions"`
	Operator        string      `json:"operator"`
	OperatorCountry string      `json:"operator_country"`
	OperatorParent  string      `json:"operator_parent_country,omitempty"`
	Supplier        string      `json:"operator_supplier,omitempty"`
	SupplierCountry string      `json:"operator_supplier_country,omitempty"`
	OperatorNote    string      `json:"operator_note,omitempty"`
	Partition       string      `json:"partition"`
	Kind            string      `json:"kind"`
	Status          string      `json:"status"`
	PairedRegion    string      `json:"paired_region,omitempty"`
	PairCountry     string      `json:"pair_country,omitempty"`
	Exposures       []claimView `json:"exposures"`
	Safeguards      []claimView `json:"safeguards"`
	NotInForce      []claimView `json:"not_in_force"` // negotiated, or adopted
	Source          string      `json:"source"`
	AsOf            string      `json:"as_of"`
}

// claimView is one thing that the catalog says of the law.
type claimView struct {
	Axis       string `json:"axis"`
	Group      string `json:"group"`
	Law        string `json:"law"`
	Country    string `json:"country"`
	State      string `json:"state"`
	Since      string `json:"since,omitempty"`
	Detail     string `json:"detail"`
	Source     string `json:"source"`
	AsOf       string `json:"as_of"`
	Confidence string `json:"confidence"`
}

func view(c *regions.Catalog, r regions.Region) regionView {
	operator, _ := c.Operator(r)
	country, _ := c.Country(r.Country)
	v := regionView{
		Provider: r.Provider, Code: r.Code, Name: r.Name, Place: r.Place, Country: r.Country, CountryName: country.Name,
		Countries: r.Countries, Within: r.Within, Sets: notNil(c.RegionSets(r)),
		Operator: operator.Name, OperatorCountry: operator.Country, OperatorParent: operator.Parent,
		Supplier: operator.SupplierName, SupplierCountry: operator.Supplier, OperatorNote: operator.Note,
		Partition: r.Partition, Kind: r.Kind, Status: r.Status,
		PairedRegion: r.PairedRegion, PairCountry: r.PairCountry,
		Exposures: []claimView{}, Safeguards: []claimView{}, NotInForce: []claimView{},
		Source: r.Source, AsOf: r.AsOf.Format("2006-01"),
	}
	for _, e := range c.RegionExposures(r, operator) {
		x := claimView{e.Axis, e.Group, e.Law, e.Country, e.State, string(e.Since), e.Detail, e.Source, string(e.AsOf),
			e.Confidence}
		if e.Group == regions.GroupSafeguard {
			v.Safeguards = append(v.Safeguards, x)
		} else {
			v.Exposures = append(v.Exposures, x)
		}
	}
	for _, e := range c.Claims(regions.AxisLocation, r.Country) {
		if e.State == regions.Negotiated || e.State == regions.Adopted {
			v.NotInForce = append(v.NotInForce, claimView{e.Axis, e.Group, e.Law, e.Country, e.State, string(e.Since),
				e.Detail, e.Source, string(e.AsOf), e.Confidence})
		}
	}
	return v
}

func (a *app) listRegions(catalog *regions.Catalog, provider string) error {
	views := []regionView{}
	for _, r := range catalog.All() {
		if (provider == "" || r.Provider == provider) && (r.Kind == regions.KindRegion || a.output != "table") {
			views = append(views, view(catalog, r))
		}
	}
	if len(views) == 0 {
		return choice("provider", provider, catalogProviders(catalog))
	}
	if a.output == "json" {
		return render.JSON(a.Out, views)
	}
	columns := []render.Column{{Name: "provider"}, {Name: "code"}, {Name: "place", Fold: true}, {Name: "country"},
		{Name: "sets"}, {Name: "operator"}, {Name: "status", Fold: true, Spare: true}}
	var rows [][]string
	for _, v := range views {
		country := v.Country
		switch {
		case len(v.Countries) > 0:
			country = strings.Join(v.Countries, "+")
		case v.Within != "":
			country = "in " + v.Within
		case country == "":
			country = "unknown"
		}
		rows = append(rows, []string{v.Provider, v.Code, v.Place, country, strings.Join(v.Sets, " "), v.OperatorCountry,
			v.Status})
	}
	if a.output == "csv" {
		header := make([]string, len(columns))
		for i, c := range columns {
			header[i] = c.Name
		}
		return render.CSV(a.Out, header, rows)
	}
	for _, row := range rows {
		row[4] = union(strings.Fields(row[4]))
	}
	columns[4].Name = "union"
	if err := a.page.Table(a.Out, columns, rows); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s, as of %s. operator: its home country.\n", plural(len(rows), "region"),
		catalog.AsOf().Format("2006-01"))
	return nil
}

// showRegions looks the codes up, "provider:code" or a code that any provider
// has, and prints what it finds.
func (a *app) showRegions(codes []string, show func([]regionView) error) error {
	catalog, err := regions.Load()
	if err != nil {
		return err
	}
	var views []regionView
	for _, code := range codes {
		found := catalog.LookupAny(code)
		if provider, rest, ok := strings.Cut(code, ":"); ok {
			if r, ok := catalog.Lookup(provider, rest); ok {
				found = []regions.Region{r}
			}
		}
		if len(found) == 0 {
			return &usageError{err: fmt.Errorf("region %q is not in the catalog%s", code,
				meant(code, catalogCodes(catalog))), remedy: "residency regions lists all regions"}
		}
		for _, r := range found {
			views = append(views, view(catalog, r))
		}
	}
	if a.output == "json" {
		return render.JSON(a.Out, views)
	}
	return show(views)
}

func (v regionView) facts() [][2]string {
	country := strings.TrimSpace(v.Country + " " + v.CountryName)
	switch {
	case len(v.Countries) > 0:
		country = strings.Join(v.Countries, " and ")
	case v.Within != "":
		country = "somewhere in the " + v.Within + "; the provider does not tell where"
	}
	supplier := v.Supplier
	if v.SupplierCountry != "" {
		supplier += " (" + v.SupplierCountry + ")"
	}
	f := [][2]string{
		{"region", v.Provider + ":" + v.Code}, {"name", v.Name}, {"place", v.Place}, {"country", country},
		{"jurisdictions", strings.Join(v.Sets, ", ")}, {"operator", v.Operator}, {"operator's country", v.OperatorCountry},
		{"operator's owner", v.OperatorParent}, {"its supplier", supplier}, {"operator, note", v.OperatorNote},
		{"partition", v.Partition},
		{"kind", v.Kind}, {"status", v.Status}, {"paired region", strings.TrimSpace(v.PairedRegion + " " + v.PairCountry)},
	}
	for _, group := range []struct {
		name   string
		claims []claimView
	}{
		{"law", in(v.Exposures, regions.GroupLaw)}, {"access abroad", in(v.Exposures, regions.GroupAccess)},
		{"safeguard", v.Safeguards}, {"not in force", v.NotInForce},
	} {
		for i, c := range group.claims {
			f = append(f, [2]string{fmt.Sprintf("%s %d", group.name, i+1), c.String()})
		}
	}
	return append(f, [2]string{"source", v.Source}, [2]string{"as of", v.AsOf})
}

func in(list []claimView, group string) []claimView {
	return slices.DeleteFunc(slices.Clone(list), func(c claimView) bool { return c.Group != group })
}

// String has all of a claim but its country.
func (c claimView) String() string {
	state := c.State
	if c.Since != "" && c.State == regions.InForce {
		state += " since"
	}
	state = strings.TrimSpace(state + " " + c.Since)
	return fmt.Sprintf("%s: %s (%s; %s; %s; %s, as of %s)", c.Axis, c.Law, state, c.Detail, c.Confidence, c.Source, c.AsOf)
}

func (a *app) describeOne(views []regionView) error {
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		for _, f := range v.facts() {
			if f[1] != "" {
				lead := fmt.Sprintf("%-20s", f[0])
				fmt.Fprintln(a.Out, render.Hang(lead, render.Text(f[1]), a.page.Width, strings.Repeat(" ", len(lead))))
			}
		}
	}
	return nil
}

func (a *app) compare(views []regionView) error {
	if len(views) != 2 {
		return &usageError{err: fmt.Errorf("the codes name %d regions of several providers; write provider:code", len(views))}
	}
	left, right := views[0].facts(), views[1].facts()
	names := []string{}
	values := map[string][2]string{}
	for side, facts := range [][][2]string{left, right} {
		for _, f := range facts {
			v, known := values[f[0]]
			if !known {
				names = append(names, f[0])
			}
			v[side] = f[1]
			values[f[0]] = v
		}
	}
	var rows [][]string
	for _, name := range names {
		if v := values[name]; v[0] != "" || v[1] != "" {
			rows = append(rows, []string{name, v[0], v[1]})
		}
	}
	return a.page.Table(a.Out, []render.Column{{Name: ""}, {Name: views[0].Code, Fold: true},
		{Name: views[1].Code, Fold: true}}, rows)
}

// catalogProviders are those that the catalog has regions of.
func catalogProviders(c *regions.Catalog) (names []string) {
	for _, r := range c.All() {
		if !slices.Contains(names, r.Provider) {
			names = append(names, r.Provider)
		}
	}
	return names
}

// catalogCodes are the codes of all regions, without and with their provider.
func catalogCodes(c *regions.Catalog) (codes []string) {
	for _, r := range c.All() {
		codes = append(codes, r.Code, r.Provider+":"+r.Code)
	}
	return codes
}
