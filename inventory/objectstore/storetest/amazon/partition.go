package amazon

import (
	"slices"
	"strings"
)

// partition is a part of Amazon that shares nothing with the others: no accounts,
// no bucket names, no copies (AWS SDK, "partitions.json").
type partition struct {
	id, suffix string
	regions    []string // the first is its default
}

func partitions() []partition {
	return []partition{
		{"aws", "amazonaws.com", strings.Fields(`us-east-1 us-east-2 us-west-1 us-west-2 af-south-1 ap-east-1 ap-east-2
			ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2
			ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1
			eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1
			me-central-1 me-south-1 mx-central-1 sa-east-1`)},
		{"aws-cn", "amazonaws.com.cn", []string{"cn-north-1", "cn-northwest-1"}},
		{"aws-eusc", "amazonaws.eu", []string{"eusc-de-east-1"}},
		{"aws-us-gov", "amazonaws.com", []string{"us-gov-west-1", "us-gov-east-1"}},
	}
}

// partitionOf returns the partition that a region is in.
func partitionOf(region string) (partition, bool) {
	for _, p := range partitions() {
		if slices.Contains(p.regions, region) {
			return p, true
		}
	}
	return partition{}, false
}
