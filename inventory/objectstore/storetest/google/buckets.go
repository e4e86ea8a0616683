package google

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// existing is the bucket that the path names.
func (c *call) existing(name string) (*Bucket, error) {
	b, ok := c.buckets[name]
	if !ok {
		code := "notFound"
		if c.isXML() {
			code = "NoSuchBucket"
		}
		return nil, refuse(http.StatusNotFound, code, "The specified bucket does not exist.")
	}
	return b, nil
}

func (c *call) getBucket() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	return c.selected(c.document(b), bucketNames)
}

func (c *call) listBuckets() (*answer, error) {
	project := c.query.Get("project")
	if project == "" {
		return nil, refuse(http.StatusBadRequest, "required", "Required parameter: project")
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.buckets)) {
		if c.buckets[name].Project == project && strings.HasPrefix(name, c.query.Get("prefix")) {
			names = append(names, name)
		}
	}
	from, to, next, err := c.page(len(names), func(i int) string { return names[i] })
	if err != nil {
		return nil, err
	}
	items := make([]map[string]any, 0, to-from)
	for _, name := range names[from:to] {
		items = append(items, c.document(c.buckets[name]))
	}
	return c.listed("storage#buckets", items, next)
}

// listed is a page. What is empty is left out.
func (c *call) listed(kind string, items []map[string]any, next string) (*answer, error) {
	d := map[string]any{"kind": kind}
	if len(items) > 0 {
		d["items"] = items
	}
	if next != "" {
		d["nextPageToken"] = next
	}
	return c.selected(d, pageNames)
}

// caches are JSON API, "AnywhereCaches: list".
func (c *call) listCaches() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	var items []map[string]any
	for _, zone := range b.Caches {
		items = append(items, map[string]any{"kind": "storage#anywhereCache", "anywhereCacheId": zone, "zone": zone,
			"state": "running"})
	}
	return c.listed("storage#anywhereCaches", items, "")
}

// enabled is a switch in the API's form.
type enabled struct {
	Enabled bool `json:"enabled"`
}

// bucketBody is what is known of a bucket that is sent.
type bucketBody struct {
	Name      string   `json:"name"`
	Location  string   `json:"location"`
	Class     string   `json:"storageClass"`
	Versions  *enabled `json:"versioning"`
	Placement *struct {
		DataLocations []string `json:"dataLocations"`
	} `json:"customPlacementConfig"`
	Access *struct {
		Uniform    enabled `json:"uniformBucketLevelAccess"`
		Prevention string  `json:"publicAccessPrevention"`
	} `json:"iamConfiguration"`
	Labels     map[string]*string `json:"labels"`
	SoftDelete *struct {
		Seconds string `json:"retentionDurationSeconds"`
	} `json:"softDeletePolicy"`
	Retention *struct {
		Period string `json:"retentionPeriod"`
	} `json:"retentionPolicy"`
	DefaultHold *bool `json:"defaultEventBasedHold"`
}

// Cloud Storage documentation, "About Cloud Storage buckets", bucket names.
var bucketName = regexp.MustCompile(`^[a-z0-9][-_.a-z0-9]{1,220}[a-z0-9]$`)

func (c *call) insertBucket() (*answer, error) {
	var in bucketBody
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	project := c.query.Get("project")
	switch {
	case project == "":
		return nil, refuse(http.StatusBadRequest, "required", "Required parameter: project")
	case !bucketName.MatchString(in.Name) || !strings.Contains(in.Name, ".") && len(in.Name) > 63 ||
		strings.HasPrefix(in.Name, "goog"):
		return nil, invalid("Invalid bucket name: '" + in.Name + "'")
	case c.buckets[in.Name] != nil:
		return nil, refuse(http.StatusConflict, "conflict", "Your previous request to create the named bucket succeeded "+
			"and you already own it.")
	case in.Class != "" && !slices.Contains(classes(), in.Class):
		return nil, invalid("Invalid argument.")
	}
	b := &Bucket{Name: in.Name, Project: project, Location: in.Location, class: in.Class,
		ObjectRetention: c.query.Get("enableObjectRetention") == "true"}
	if in.Placement != nil {
		b.DataLocations = in.Placement.DataLocations
	}
	c.addBucket(b)
	if err := c.apply(b, in); err != nil {
		delete(c.buckets, in.Name)
		return nil, err
	}
	return c.selected(c.document(b), bucketNames)
}

// classes are the storage classes that objects can be given (Cloud Storage documentation,
// "Storage classes").
func classes() []string { return []string{"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"} }

// apply changes a bucket by what was sent. A label without a value goes.
func (c *call) apply(b *Bucket, in bucketBody) error {
	if in.Versions != nil {
		b.Versioning = in.Versions.Enabled
	}
	for k, v := range in.Labels {
		if v == nil {
			delete(b.Labels, k)
			continue
		}
		if b.Labels == nil {
			b.Labels = make(map[string]string)
		}
		b.Labels[k] = *v
	}
	if in.DefaultHold != nil {
		b.DefaultHold = *in.DefaultHold
	}
	if in.SoftDelete != nil {
		seconds, err := strconv.ParseInt(in.SoftDelete.Seconds, 10, 64)
		// Cloud Storage documentation, "Soft delete": none, or 7 to 90 days.
		if d := time.Duration(seconds) * time.Second; err != nil || d != 0 && (d < week || d > 90*24*time.Hour) {
			return invalid("Soft delete policy retention duration must be 0 or between 7 and 90 days.")
		}
		b.SoftDelete = time.Duration(seconds) * time.Second
	}
	if in.Retention != nil {
		seconds, err := strconv.ParseInt(in.Retention.Period, 10, 64)
		if err != nil || seconds <= 0 {
			return invalid("Invalid retention period.")
		}
		b.Retention = time.Duration(seconds) * time.Second
	}
	return nil
}

func (c *call) patchBucket() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	if want := c.query.Get("ifMetagenerationMatch"); want != "" && want != number(b.metageneration) {
		return nil, unmet()
	}
	var in bucketBody
	if err := decode(c.body, &in); err != nil {
		return nil, err
	}
	if in.Name != "" || in.Location != "" || in.Placement != nil {
		return nil, invalid("A bucket's name and location cannot be changed.")
	}
	if err := c.apply(b, in); err != nil {
		return nil, err
	}
	b.metageneration++
	return c.selected(c.document(b), bucketNames)
}

func (c *call) deleteBucket() (*answer, error) {
	b, err := c.existing(c.bucket)
	if err != nil {
		return nil, err
	}
	if len(b.objects) > 0 { // noncurrent ones, too (JSON API, "Buckets: delete")
		return nil, refuse(http.StatusConflict, "conflict", "The bucket you tried to delete is not empty.")
	}
	delete(c.buckets, c.bucket)
	return &answer{status: http.StatusNoContent, length: true}, nil
}
