package report

import (
	"encoding/json"
	"io"
	"time"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework that events are of.
const OCSFVersion = "1.7.0"

// Classes of events and what they are about, by OCSF's numbers.
const (
	classInventory = 5023 // Cloud Resources Inventory Info, of category 5, Discovery
	classFinding   = 2003 // Compliance Finding, of category 2, Findings
	classDatastore = 6005 // Datastore Activity, of category 6, Application Activity

	activityCollect = 2
	activityCreate  = 1
	activityDelete  = 7
)

// event is one of OCSF's, with the attributes that the three classes have here.
type event struct {
	Activity     int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	Category     int            `json:"category_uid"`
	CategoryName string         `json:"category_name"`
	Class        int            `json:"class_uid"`
	ClassName    string         `json:"class_name"`
	Type         int            `json:"type_uid"`
	Severity     int            `json:"severity_id"`
	SeverityName string         `json:"severity"`
	Time         int64          `json:"time"` // milliseconds
	Message      string         `json:"message"`
	Metadata     metadata       `json:"metadata"`
	Status       int            `json:"status_id,omitempty"`
	StatusName   string         `json:"status,omitempty"`
	Count        int64          `json:"count,omitempty"`
	Cloud        *cloud         `json:"cloud,omitempty"`
	Region       string         `json:"region,omitempty"`
	Bucket       *databucket    `json:"databucket,omitempty"`
	Actor        *actor         `json:"actor,omitempty"`
	Source       *endpoint      `json:"src_endpoint,omitempty"`
	StoreType    int            `json:"type_id,omitempty"`
	StoreName    string         `json:"type,omitempty"`
	Finding      *findingInfo   `json:"finding_info,omitempty"`
	Compliance   *compliance    `json:"compliance,omitempty"`
	Resources    []resource     `json:"resources,omitempty"`
	Remediation  *remediation   `json:"remediation,omitempty"`
	Unmapped     map[string]any `json:"unmapped,omitempty"`
}

type (
	metadata struct {
		Version  string   `json:"version"`
		Product  product  `json:"product"`
		Profiles []string `json:"profiles"`
	}
	product struct {
		Name    string `json:"name"`
		Vendor  string `json:"vendor_name"`
		Version string `json:"version,omitempty"`
	}
	cloud struct {
		Provider string `json:"provider"`
		Region   string `json:"region,omitempty"`
	}
	databucket struct {
		Name  string `json:"name"`
		UID   string `json:"uid"`
		Type  int    `json:"type_id"`
		Named string `json:"type"`
		Size  *int64 `json:"size,omitempty"`
	}
	actor struct {
		App string `json:"app_name"`
	}
	endpoint struct {
		Service string `json:"svc_name"`
	}
	findingInfo struct {
		UID     string `json:"uid"`
		Title   string `json:"title"`
		Desc    string `json:"desc"`
		Created int64  `json:"created_time"`
	}
	compliance struct {
		Standards []string `json:"standards"`
		Control   string   `json:"control"`
		Status    int      `json:"status_id"`
		Named     string   `json:"status"`
		Detail    string   `json:"status_detail"`
	}
	resource struct {
		UID    string `json:"uid"`
		Name   string `json:"name,omitempty"`
		Type   string `json:"type"`
		Region string `json:"region,omitempty"`
	}
	remediation struct {
		Desc string `json:"desc"`
	}
)

// OCSF writes an event a line, as collectors of logs take them: of an inventory each place
// that was looked at, of each finding that something has to be done about a compliance
// finding, and of a plan's deletions one for each place.
func OCSF(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if r.Command == "inventory" {
		for _, p := range r.Places {
			if p.Bucket == "" {
				continue // a region that nobody could look at has no bucket to tell of
			}
			if err := e.Encode(r.placeEvent(p)); err != nil {
				return err
			}
		}
	}
	prints, at := r.fingerprints(), r.placesOf()
	for i, f := range r.Findings {
		if !f.Fails() && !f.Waived() {
			continue
		}
		p := Place{Region: f.Region}
		if at[i] >= 0 {
			p = r.Places[at[i]]
		}
		if err := e.Encode(r.findingEvent(f, prints[i], p)); err != nil {
			return err
		}
	}
	for _, d := range r.Deletions {
		if err := e.Encode(r.deletionEvent(d)); err != nil {
			return err
		}
	}
	return nil
}

// event is one of a class, with what all have.
func (r *Report) event(category, class, activity int, at time.Time) event {
	return event{Category: category, Class: class, Activity: activity, Type: class*100 + activity,
		Severity: 1, SeverityName: "Informational", Time: at.UnixMilli(),
		CategoryName: map[int]string{2: "Findings", 5: "Discovery", 6: "Application Activity"}[category],
		Metadata: metadata{Version: OCSFVersion, Profiles: []string{"cloud"},
			Product: product{Name: "residency", Vendor: "residency", Version: r.Tool}}}
}

func (r *Report) placeEvent(p Place) event {
	e := r.event(5, classInventory, activityCollect, r.At)
	e.ClassName, e.ActivityName = "Cloud Resources Inventory Info", "Collect"
	e.Cloud, e.Region = &cloud{p.Provider, p.Region}, p.Region
	e.Bucket = bucketOf(identity(p.Location, p.Region), p.Bucket)
	e.Message = plainText(p.Location + ": " + p.Standing)
	e.Unmapped = map[string]any{"customer": p.Customer, "prefix": p.Prefix, "country": p.Country, "jurisdictions": p.Sets,
		"operator": p.Operator, "operator_country": p.OperatorCountry, "entries": p.Entries, "policy_verdict": p.Standing}
	if p.Unseen != "" {
		e.Unmapped["not_looked_at"] = p.Unseen
	} else {
		e.Bucket.Size = &p.Bytes
	}
	return e
}

func bucketOf(identity, name string) *databucket {
	return &databucket{Name: name, UID: identity, Type: 1, Named: "S3"} // its interface; who runs it is apart
}

func (r *Report) findingEvent(f Finding, uid string, p Place) event {
	e := r.event(2, classFinding, activityCreate, r.At)
	e.ClassName, e.ActivityName = "Compliance Finding", "Create"
	e.Severity, e.SeverityName, e.Status, e.StatusName = 4, "High", 1, "New"
	e.Message = f.sentence()
	e.Finding = &findingInfo{UID: uid, Title: f.Rule, Desc: f.sentence(), Created: r.At.UnixMilli()}
	e.Compliance = &compliance{Standards: []string{"residency policy"}, Control: f.Rule, Status: 3, Named: "Fail",
		Detail: plainText(f.Text)}
	if f.Severity == Error {
		e.Severity, e.SeverityName = 3, "Medium"
		e.Compliance.Status, e.Compliance.Named = 2, "Warning" // no result, for something is not known
	}
	if f.Waived() {
		e.Severity, e.SeverityName, e.Status, e.StatusName = 1, "Informational", 3, "Suppressed"
	}
	if f.Location != "" {
		e.Resources = []resource{{UID: identity(f.Location, p.Region), Name: p.Bucket, Type: "bucket", Region: p.Region}}
	}
	if p.Provider != "" {
		e.Cloud = &cloud{p.Provider, p.Region}
	}
	if f.Next != "" {
		e.Remediation = &remediation{plainText(f.Next)}
	}
	e.Unmapped = map[string]any{"customer": f.Customer, "severity": f.Severity}
	if f.Waiver != nil {
		e.Unmapped["waiver"] = f.Waiver
	}
	return e
}

func (r *Report) deletionEvent(d Deletion) event {
	e := r.event(6, classDatastore, activityDelete, d.At)
	e.ClassName, e.ActivityName = "Datastore Activity", "Delete"
	e.Status, e.StatusName = 1, "Success"
	if d.Left > 0 {
		e.Status, e.StatusName = 2, "Failure"
	}
	e.Actor, e.Source = &actor{"residency"}, &endpoint{"residency"}
	e.Cloud, e.Bucket, e.Count = &cloud{d.Provider, d.Region}, bucketOf(identity(d.Location, d.Region), d.Bucket),
		d.Entries
	e.StoreType, e.StoreName = 2, "Databucket"
	e.Message = plainText(d.Location+": ") + number(d.Entries) + " entries deleted or found gone, " + number(d.Left) +
		" left"
	e.Unmapped = map[string]any{"customer": d.Customer, "prefix": d.Prefix, "country": d.Country, "plan": r.Plan,
		"entries_left": d.Left}
	return e
}
