package metadata

import (
	"strings"

	"github.com/residency/residency/migrate/certificate"
)

// Standing is where an actor's machine is, in the country that the answers lead to. What is
// found counts more than what was declared, and both are named where they differ. Answers
// of different countries, or of a region that has none here, leave it not determined, unless
// one is declared. Without an answer the actor stays as it is.
func Standing(a certificate.Actor, found []Answer, country func(provider, region string) string) certificate.Actor {
	if len(found) == 0 {
		return a
	}
	var names, unknown []string
	is, differ := "", false
	for _, f := range found {
		c := country(f.Provider, f.Region)
		if c == "" {
			unknown = append(unknown, f.String())
			continue
		}
		names = append(names, f.String())
		differ = differ || is != "" && is != c
		is = c
	}
	declared := ""
	if a.Basis == certificate.Declared {
		declared = a.Country
	}
	switch {
	case differ:
		a.Country, a.Basis = "", certificate.NotDetermined+": metadata of "+strings.Join(names, " and of ")+" differ"
	case is == "":
		a.Basis += ": the country of what the metadata of " + strings.Join(unknown, " and of ") + " names is not known"
	case declared != "" && declared != is:
		a.Country, a.Basis = is, certificate.Found+strings.Join(names, " and of ")+"; declared as "+declared
	default:
		a.Country, a.Basis = is, certificate.Found+strings.Join(names, " and of ")
	}
	if differ && declared != "" {
		a.Basis += "; declared as " + declared
	}
	return a
}
