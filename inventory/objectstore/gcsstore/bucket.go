package gcsstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// bucketResource is a bucket as the JSON API has it ("Buckets", resource representations).
type bucketResource struct {
	Name           string    `json:"name"`
	Metageneration int64     `json:"metageneration,string"`
	TimeCreated    time.Time `json:"timeCreated"`
	Location       string    `json:"location"`
	LocationType   string    `json:"locationType"` // region, dual-region, multi-region or zone
	Placement      struct {
		DataLocations []string `json:"dataLocations"`
	} `json:"customPlacementConfig"`
	Versioning struct {
		Enabled bool `json:"enabled"`
	} `json:"versioning"`
	Labels     map[string]string `json:"labels"`
	SoftDelete *softDelete       `json:"softDeletePolicy"`
	Retention  *struct {
		Period   int64 `json:"retentionPeriod,string"` // seconds
		IsLocked bool  `json:"isLocked"`
	} `json:"retentionPolicy"`
	DefaultHold bool `json:"defaultEventBasedHold"`
	Lifecycle   struct {
		Rules []struct {
			Action struct {
				Type string `json:"type"`
			} `json:"action"`
		} `json:"rule"`
	} `json:"lifecycle"`
	Autoclass struct {
		Enabled bool `json:"enabled"`
	} `json:"autoclass"`
	Namespace struct {
		Enabled bool `json:"enabled"`
	} `json:"hierarchicalNamespace"`
	Logging struct {
		Bucket string `json:"logBucket"`
	} `json:"logging"`
	Billing struct {
		RequesterPays bool `json:"requesterPays"`
	} `json:"billing"`
	Encryption struct {
		DefaultKey string `json:"defaultKmsKeyName"`
	} `json:"encryption"`
}

type softDelete struct {
	Seconds   int64      `json:"retentionDurationSeconds,string"`
	Effective *time.Time `json:"effectiveTime"`
	Pause     struct {
		Enabled bool `json:"enabled"`
	} `json:"hardDeletePause"`
}

// placeFields are those that tell where a bucket is.
const placeFields = "name,timeCreated,location,locationType,customPlacementConfig"

// bucket asks for some of a bucket's fields.
func (s *Store) bucket(ctx context.Context, name, fields string) (*bucketResource, error) {
	r := s.request("storage.buckets.get", name, "GET", bucketPath(name), query{"fields": fields})
	b := new(bucketResource)
	if _, err := s.read(ctx, r, b); err != nil {
		return nil, err
	}
	return b, nil
}

// regions are the codes of where a bucket's bytes are (Cloud Storage documentation, "Bucket
// locations"): regions in lower case; in upper case multi-regions, and dual-regions with a
// code of their own. Of a dual-region that was put together the code is that of its part of
// the world alone, and the two regions are told; of a zone, the region is what is before
// its last letter.
func (b *bucketResource) regions() []string {
	if len(b.Placement.DataLocations) > 0 {
		var codes []string
		for _, l := range b.Placement.DataLocations {
			codes = append(codes, strings.ToLower(l))
		}
		return codes
	}
	switch b.LocationType {
	case "multi-region", "dual-region":
		return []string{strings.ToUpper(b.Location)}
	case "zone":
		return []string{regionOf(strings.ToLower(b.Location))}
	}
	// Regions' codes have a hyphen, and the others have none.
	if !strings.Contains(b.Location, "-") {
		return []string{strings.ToUpper(b.Location)}
	}
	return []string{strings.ToLower(b.Location)}
}

// regionOf is the region that a zone is in.
func regionOf(zone string) string {
	if i := strings.LastIndexByte(zone, '-'); i >= 0 && len(zone) == i+2 {
		return zone[:i]
	}
	return zone
}

// errNoProject reports a request that is about a project while nobody names one.
var errNoProject = remedy.New("no project is named, neither by the configuration nor by the credentials",
	"name the project in the provider's configuration")

// Buckets implements objectstore.Administrator: the buckets of the project, wherever they
// are. A dual-region that was put together shows as its first region; Facts tells the other.
func (s *Store) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	r := s.request("storage.buckets.list", "", "GET", "/storage/v1/b", query{"project": s.Account(ctx),
		"maxResults": decimal(int64(s.pageSize)), "fields": "nextPageToken,items(" + placeFields + ")"})
	if r.query["project"] == "" {
		return nil, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected, Err: errNoProject}
	}
	var all []objectstore.Bucket
	for {
		var page struct {
			NextPageToken string           `json:"nextPageToken"`
			Items         []bucketResource `json:"items"`
		}
		if _, err := s.read(ctx, r, &page); err != nil {
			return nil, err
		}
		for _, b := range page.Items {
			all = append(all, objectstore.Bucket{Name: b.Name, Region: b.regions()[0], Created: b.TimeCreated})
		}
		switch page.NextPageToken {
		case "":
			return all, nil
		case r.query["pageToken"]:
			return nil, s.broken(r, errToken)
		}
		r.query["pageToken"] = page.NextPageToken
	}
}

var errPlace = errors.New("the answer does not tell where the bucket is")

// BucketRegion implements objectstore.Administrator; see Buckets.
func (s *Store) BucketRegion(ctx context.Context, bucket string) (string, error) {
	b, err := s.bucket(ctx, bucket, placeFields)
	if err != nil {
		return "", err
	}
	if b.Location == "" {
		return "", &objectstore.Error{Op: "storage.buckets.get", Bucket: s.where(bucket), Err: errPlace}
	}
	return b.regions()[0], nil
}

// Versioning implements objectstore.Administrator. Google knows on and off; versions that
// were made while it was on stay when it is off, and are listed.
func (s *Store) Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	b, err := s.bucket(ctx, bucket, "versioning")
	if err != nil {
		return "", err
	}
	if b.Versioning.Enabled {
		return objectstore.Enabled, nil
	}
	return objectstore.Unversioned, nil
}

// BucketTags implements objectstore.Administrator: a bucket's labels.
func (s *Store) BucketTags(ctx context.Context, bucket string) ([]objectstore.Tag, error) {
	b, err := s.bucket(ctx, bucket, "labels")
	if err != nil {
		return nil, err
	}
	tags := make([]objectstore.Tag, 0, len(b.Labels))
	for k, v := range b.Labels {
		tags = append(tags, objectstore.Tag{Key: k, Value: v})
	}
	slices.SortFunc(tags, func(a, b objectstore.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}
