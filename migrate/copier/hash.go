package copier

import (
	"encoding/base64"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/verifier"
)

// checksum hashes a part's bytes; zero for no algorithm or one that is not known.
func checksum(algorithm string, data []byte) objectstore.Checksum {
	sum := verifier.NewHash(algorithm)
	if sum == nil {
		return objectstore.Checksum{}
	}
	_, _ = sum.Write(data) // a hash's Write never fails
	return objectstore.Checksum{Algorithm: algorithm, Value: base64.StdEncoding.EncodeToString(sum.Sum(nil))}
}
