package regions

import (
	"strings"
	"time"
)

// Kinds of catalog rows. Only rows of KindRegion are regions of their own; the
// others are names that storage services use for something else.
const (
	KindRegion      = "region"
	KindAlias       = "s3-location-alias" // an old name of a region, in Members
	KindPseudo      = "pseudo-region"     // global services; Members is the region behind it
	KindMultiRegion = "gcs-multi-region"  // the provider chooses among many regions
	KindDualRegion  = "gcs-dual-region"   // two regions, in Members
	KindZone        = "gcs-zone"          // one zone of a region
	KindLocalZone   = "local-zone"        // may be in another country than its region
)

// Region is one row of the catalog.
type Region struct {
	Provider     string // aws, azure or gcp
	Code         string
	Name         string
	Place        string   // city or state; empty where undisclosed
	Country      string   // ISO 3166-1 alpha-2; empty unless one country is known
	CountryNote  string   // what the table says where Country is empty
	Countries    []string // of a region that spans several
	Within       string   // the set of which it is in some unnamed country, such as EU
	Partition    string   // the provider's separate cloud that the region is in
	Kind         string   // one of the Kind constants
	Geography    string
	PairedRegion string // where geo-redundant copies go, if the provider pairs regions
	PairCountry  string
	OptIn        string
	Status       string
	Members      string // regions behind an alias, pseudo or multi-region
	Source       string
	Verified     string // which fields were read and which recalled
	AsOf         time.Time
}

// Country is what the catalog knows about one country, beside what Claims says of its
// law.
type Country struct {
	ISO        string
	Name       string
	Sets       []string // sorted; see Catalog.Sets
	DSPConcern bool     // country of concern under US 28 CFR 202
	Source     string
	AsOf       time.Time
}

// Operator is the organisation that runs a region.
type Operator struct {
	ID        string
	Name      string
	Country   string // home country; empty means not known
	Parent    string // country of a foreign owner, if there is one
	Note      string
	Contested bool // whether the owner's law reaches it is disputed
	// Supplier is the country of who supplies its technology, if that is another, and
	// SupplierName who it is; whether that one's law reaches the operator is disputed.
	Supplier, SupplierName string
	Source                 string
	AsOf                   time.Time
}

// IsUS tells whether country is the United States or one of its territories
// (Puerto Rico, Guam, US Virgin Islands, American Samoa, Northern Mariana
// Islands, Minor Outlying Islands), which have country codes of their own but
// stand under US law. Case does not matter.
func IsUS(country string) bool {
	switch iso(country) {
	case "US", "PR", "GU", "VI", "AS", "MP", "UM":
		return true
	}
	return false
}

// iso is the canonical form of a country code.
func iso(country string) string { return strings.ToUpper(strings.TrimSpace(country)) }

// fold is the form in which codes are compared: services disagree about case
// (Google reports EUROPE-WEST1), and a US code is one in any case.
func fold(code string) string { return strings.ToLower(code) }
