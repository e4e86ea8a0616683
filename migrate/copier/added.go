package copier

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// encrypted holds what a copy is encrypted with against its source. What the
// destination adds by itself is named; under a KMS key, somebody else can take
// the copy's bytes away, so that one has to be in the plan.
func (p *prover) encrypted(source, destination string, found verifier.Finding) verifier.Finding {
	switch now := objectstore.UnderKMS(destination); {
	case found.Verdict != receipt.Verified:
	case p.Encryption != "" && !granted(p.Encryption, destination):
		return verifier.Finding{Verdict: receipt.Mismatch,
			Reason: "it was to be encrypted under " + p.Encryption + " at the destination, which does not say that it is"}
	case destination == "", destination == source:
	case now && objectstore.UnderKMS(source):
	case now && !p.KMSDefault:
		return verifier.Finding{Verdict: receipt.Mismatch,
			Reason: "it is encrypted under " + destination +
				" at the destination, which neither the source nor the plan asks for"}
	default:
		found.Added = append(found.Added, "encryption "+destination)
	}
	return found
}

// granted tells whether an encryption is at least what was asked for: a key of KMS takes the
// place of the service's own, and one of the customer's that of any.
func granted(asked, is string) bool {
	return is == asked || objectstore.UnderKMS(is) || is == objectstore.CustomerKey
}

// locked accepts the retention that the plan says the destination gives to all
// that is written there, and names it. Any other lock that a copy has and its
// source does not is left to differ.
func (p *prover) locked(source objectstore.Lock, destination *objectstore.Lock, found *verifier.Finding) {
	if source.Mode != "" || destination.Mode == "" || destination.Mode != p.Retention || source.Hold != destination.Hold {
		return
	}
	*destination = source
	if added := "retention " + p.Retention; !slices.Contains(found.Added, added) {
		found.Added = append(found.Added, added)
	}
}

// lowered returns metadata with names as a destination has them that keeps them in lower case, and names
// that where it makes them others. Two names that would become one are left to differ.
func (p *prover) lowered(metadata map[string]string, found *verifier.Finding) map[string]string {
	if !p.lowers || !hasCapitals(metadata) {
		return metadata
	}
	lower := make(map[string]string, len(metadata))
	for name, value := range metadata {
		lower[strings.ToLower(name)] = value
	}
	if len(lower) < len(metadata) {
		return metadata
	}
	if !slices.Contains(found.Added, loweredNames) {
		found.Added = append(found.Added, loweredNames)
	}
	return lower
}

const loweredNames = "names of metadata in lower case"

func hasCapitals(metadata map[string]string) bool {
	for name := range metadata {
		if strings.ToLower(name) != name {
			return true
		}
	}
	return false
}
