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
func (c *Copier) encrypted(source, destination string, found verifier.Finding) verifier.Finding {
	const kms = "aws:kms"
	switch now := strings.HasPrefix(destination, kms); {
	case found.Verdict != receipt.Verified, destination == "", destination == source:
	case now && strings.HasPrefix(source, kms):
	case now && !c.KMSDefault:
		return verifier.Finding{Verdict: receipt.Mismatch,
			Reason: "it is encrypted under " + destination + " at the destination, which neither its source nor the plan has"}
	default:
		found.Added = append(found.Added, "encryption "+destination)
	}
	return found
}

// locked accepts the retention that the plan says the destination gives to all
// that is written there, and names it. Any other lock that a copy has and its
// source does not is left to differ.
func (c *Copier) locked(source objectstore.Lock, destination *objectstore.Lock, found *verifier.Finding) {
	if source.Mode != "" || destination.Mode == "" || destination.Mode != c.Retention || source.Hold != destination.Hold {
		return
	}
	*destination = source
	if added := "retention " + c.Retention; !slices.Contains(found.Added, added) {
		found.Added = append(found.Added, added)
	}
}
