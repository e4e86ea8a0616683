package awskms

import (
	"errors"
	"regexp"
	"strings"
)

// Scheme begins the name of a key.
const Scheme = "awskms://"

// Name is a key in AWS KMS, by its Amazon Resource Name.
type Name struct {
	Partition string // aws, aws-cn or aws-eusc
	Region    string // as the ARN says it; whether there is such a region is the catalog's to tell
	Account   string // 12 digits
	Resource  string // key/ID or alias/NAME
}

// ErrName reports a text that is no name of a key.
var ErrName = errors.New("want awskms:///arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME in place of key/ID")

// arn is the form of a key's and of an alias's ARN (Service Authorization Reference, "Resource types defined by
// AWS Key Management Service"; AWS KMS API Reference, "CreateAlias": letters, digits, /, _ and -). Its bounds
// make it large, which no start of a program is to wait for that names no such key.
func arn() *regexp.Regexp {
	return regexp.MustCompile(`^arn:(aws[a-z-]{0,16}):kms:([a-z0-9-]{1,32}):([0-9]{12}):` +
		`(key/[A-Za-z0-9-]{1,64}|alias/[A-Za-z0-9/_-]{1,250})$`)
}

// Is tells whether a text is meant to name a key in AWS KMS.
func Is(text string) bool { return strings.HasPrefix(text, Scheme) }

// Parse reads awskms:///ARN. A key's ID or an alias without its ARN is refused: neither says in which region it
// is, and where a key lies is not left to a default.
func Parse(text string) (Name, error) {
	m := arn().FindStringSubmatch(strings.TrimPrefix(text, Scheme+"/"))
	if m == nil || !strings.HasPrefix(text, Scheme+"/") {
		return Name{}, ErrName
	}
	return Name{Partition: m[1], Region: m[2], Account: m[3], Resource: m[4]}, nil
}

// ARN is the key's Amazon Resource Name.
func (n Name) ARN() string {
	return strings.Join([]string{"arn", n.Partition, "kms", n.Region, n.Account, n.Resource}, ":")
}

// String is the name as Parse reads it.
func (n Name) String() string { return Scheme + "/" + n.ARN() }

// MultiRegion tells that the key may have replicas in other regions, which sign as it does (AWS KMS Developer Guide,
// "Multi-Region keys": their IDs begin with mrk-).
func (n Name) MultiRegion() bool { return strings.HasPrefix(n.Resource, "key/mrk-") }

// host is that of the region's own endpoint (AWS General Reference, "AWS Key Management Service endpoints and
// quotas"). No variable and no profile puts another in its place: who answers is who the ARN says. Empty: the
// partition has none that is known.
func (n Name) host() string {
	suffix := map[string]string{"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn",
		"aws-eusc": "amazonaws.eu"}[n.Partition]
	if suffix == "" {
		return ""
	}
	return "kms." + n.Region + "." + suffix
}
