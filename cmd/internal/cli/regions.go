package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/regions"
)

func (a *app) regionsCommand() *cobra.Command {
	var provider string
	c := &cobra.Command{
		Use:   "regions",
		Short: "List cloud regions with their place, country, operator and law",
		Long: `regions lists the built-in catalog. It needs no configuration and no network.
Every row has a source and the date on which it was read.`,
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
	return c
}

// regionView is a region as JSON shows it.
type regionView struct {
	Provider        string         `json:"provider"`
	Code            string         `json:"region"`
	Name            string         `json:"name"`
	Place           string         `json:"place"`
	Country         string         `json:"country"`
	CountryName     string         `json:"country_name"`
	Sets            []string       `json:"jurisdictions"`
	Operator        string         `json:"operator"`
	OperatorCountry string         `json:"operator_country"`
	Partition       string         `json:"partition"`
	Kind            string         `json:"kind"`
	Status          string         `json:"status"`
	PairedRegion    string         `json:"paired_region,omitempty"`
	PairCountry     string         `json:"pair_country,omitempty"`
	Statute         string         `json:"data_protection_statute,omitempty"`
	Adequacy        string         `json:"eu_adequacy,omitempty"`
	Localisation    string         `json:"localisation,omitempty"`
	Exposures       []exposureView `json:"exposures"`
	Source          string         `json:"source"`
	AsOf            string         `json:"as_of"`
}

type exposureView struct {
	Axis       string `json:"axis"`
	Law        string `json:"law"`
	Country    string `json:"country"`
	Detail     string `json:"detail"`
	Source     string `json:"source"`
	AsOf       string `json:"as_of"`
	Confidence string `json:"confidence"`
}

func view(c *regions.Catalog, r regions.Region) regionView {
	operator, _ := c.Operator(r)
	country, _ := c.Country(r.Country)
	v := regionView{
		Provider: r.Provider, Code: r.Code, Name: r.Name, Place: r.Place, Country: r.Country, CountryName: country.Name, Sets: c.Sets(r.Country),
		Operator: operator.Name, OperatorCountry: operator.Country, Partition: r.Partition, Kind: r.Kind, Status: r.Status,
		PairedRegion: r.PairedRegion, PairCountry: r.PairCountry, Statute: country.Statute, Adequacy: country.Adequacy, Localisation: country.Localisation,
		Exposures: []exposureView{}, Source: r.Source, AsOf: r.AsOf.Format("2006-01"),
	}
	for _, e := range c.Exposures(r.Country, operator) {
		v.Exposures = append(v.Exposures, exposureView{e.Axis, e.Law, e.Country, e.Detail, e.Source, e.AsOf.Format("2006-01"), e.Confidence})
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
		return &usageError{err: fmt.Errorf("no provider %q in the catalog; it has aws, azure, gcp", provider)}
	}
	if a.output == "json" {
		return render.JSON(a.Out, views)
	}
	columns := []render.Column{{Name: "provider"}, {Name: "code"}, {Name: "place", Fold: true}, {Name: "country"}, {Name: "sets"}, {Name: "operator"}, {Name: "status", Fold: true}}
	var rows [][]string
	for _, v := range views {
		country := v.Country
		if country == "" {
			country = "unknown"
		}
		rows = append(rows, []string{v.Provider, v.Code, v.Place, country, strings.Join(v.Sets, " "), v.OperatorCountry, v.Status})
	}
	if a.output == "csv" {
		header := make([]string, len(columns))
		for i, c := range columns {
			header[i] = c.Name
		}
		return render.CSV(a.Out, header, rows)
	}
	for _, row := range rows {
		row[4] = law(row[3], strings.Fields(row[4]))
		row[4] = strings.TrimSpace(strings.TrimPrefix(row[4], row[3]))
	}
	columns[4].Name = "union"
	if err := render.Table(a.Out, columns, rows); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\n%s, as of %s. operator: its home country.\n", plural(len(rows), "region"), catalog.AsOf().Format("2006-01"))
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
			return fmt.Errorf("%w: %q is not in the catalog", regions.ErrUnknownRegion, code)
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
	f := [][2]string{
		{"region", v.Provider + ":" + v.Code}, {"name", v.Name}, {"place", v.Place}, {"country", strings.TrimSpace(v.Country + " " + v.CountryName)},
		{"jurisdictions", strings.Join(v.Sets, ", ")}, {"operator", v.Operator}, {"operator's country", v.OperatorCountry}, {"partition", v.Partition},
		{"kind", v.Kind}, {"status", v.Status}, {"paired region", strings.TrimSpace(v.PairedRegion + " " + v.PairCountry)},
		{"statute", v.Statute}, {"EU adequacy", v.Adequacy}, {"localisation", v.Localisation},
	}
	for i, e := range v.Exposures {
		f = append(f, [2]string{fmt.Sprintf("exposure %d", i+1), e.Axis + ": " + e.Law + " (" + e.Confidence + ")"})
	}
	return append(f, [2]string{"source", v.Source}, [2]string{"as of", v.AsOf})
}

func (a *app) describeOne(views []regionView) error {
	for i, v := range views {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		for _, f := range v.facts() {
			if f[1] != "" {
				fmt.Fprintf(a.Out, "%-20s%s\n", f[0], render.Wrap(render.Text(f[1]), render.Width-20, strings.Repeat(" ", 20)))
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
	return render.Table(a.Out, []render.Column{{Name: ""}, {Name: views[0].Code, Fold: true}, {Name: views[1].Code, Fold: true}}, rows)
}
