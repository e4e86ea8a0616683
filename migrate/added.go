package migrate

import (
	"context"
	"maps"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/verifier"
)

// addedClass begins the names under which storage classes are counted that a
// listing of the destination shows, and the source does not have.
const addedClass = "storage class "

// classed counts a copy that the destination keeps in another storage class: its
// listing tells of all, the comparison of a copy only of what was asked for.
func (w *work) classed(e manifest.Entry, v objectstore.Version) {
	if class := verifier.Class(v.StorageClass); !e.Marker && class != verifier.Class(e.StorageClass) {
		w.result.Added[addedClass+class]++
	}
}

// unclassed begins that count anew.
func (w *work) unclassed() {
	maps.DeleteFunc(w.result.Added, func(name string, _ int64) bool { return strings.HasPrefix(name, addedClass) })
}

// notCompared says what no run of this plan compares, and why.
func (p *Plan) notCompared() []string {
	said := []string{"tags, retention and legal hold that the destination may have put on copies whose source has " +
		"no tag, metadata, header or lock: answers to their writes do not tell, and no further request asks"}
	kms := p.KMSKey != ""
	for _, m := range p.Moves {
		kms = kms || p.kmsDefault(m)
		if m.Way == ServerSide && len(said) == 1 {
			said = append(said, "what plain objects that the service copied by itself are encrypted with at the source: "+
				"no further request asks")
			if p.Verify != "readback" {
				said = append(said, "attributes of objects that the service copied by itself, but for the first key's and about each thousandth, where "+
					"it vouches for them; website redirects, which it does not carry, are asked for where the source has a website or some were seen")
			}
		}
	}
	if kms {
		said = append(said, "under which KMS key copies are: answers name keys in other ways than they are asked for")
	}
	if p.AnyClass {
		said = append(said, "storage classes: destination.storage_class accepts any; those that differ are counted")
	}
	return said
}

// encrypts holds the default encryption of the buckets that this plan made
// against what it gave them. What others made is held against what was found.
func (w *work) encrypts(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		if m.Exists {
			continue
		}
		value, err := w.destination().Setting(ctx, m.Destination, objectstore.Encryption)
		if objectstore.Permanent(err) {
			continue // not offered, or not to be read: the certificate's parity says so
		}
		if err != nil {
			return err
		}
		wanted := wantedSetting(w.plan.Parity, m, objectstore.Encryption)
		planned, found, err := encryptions(wanted, value)
		if err != nil {
			return err
		}
		// What Amazon S3 gives every bucket that is given nothing is no change.
		byItself := wanted == nil && found == (parity.Encryption{Algorithm: "AES256"})
		if planned != found && !byItself {
			return changed("the default encryption of the bucket %s is %s; the plan has %s",
				w.bucketAt(m), encryptionName(found), encryptionName(planned))
		}
	}
	return nil
}

func encryptions(planned, found []byte) (p, f parity.Encryption, err error) {
	if planned != nil {
		if p, err = parity.ParseEncryption(planned); err != nil {
			return p, f, err
		}
	}
	if found != nil {
		f, err = parity.ParseEncryption(found)
	}
	return p, f, err
}

func encryptionName(e parity.Encryption) string {
	switch {
	case e.Algorithm == "":
		return "none"
	case e.KeyID != "":
		return e.Algorithm + " under the key " + e.KeyID
	}
	return e.Algorithm
}
