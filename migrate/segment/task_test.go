package segment

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// full sets every field that can be set, to something that is not its zero value.
func full(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)))
			return
		}
		for i := range v.NumField() {
			full(t, v.Field(i))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		value := reflect.New(v.Type().Elem()).Elem()
		full(t, value)
		m.SetMapIndex(reflect.ValueOf("x"), value)
		v.Set(m)
	case reflect.Slice:
		s := reflect.MakeSlice(v.Type(), 1, 1)
		full(t, s.Index(0))
		v.Set(s)
	default:
		t.Fatalf("a %v is not among what a task and a summary are made of", v.Type())
	}
}

// keys tells whether a type has an object's key in it.
func keys(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			if keys(of.Field(i).Type) {
				return true
			}
		}
	case reflect.Map, reflect.Slice, reflect.Pointer:
		return keys(of.Elem())
	}
	return of == reflect.TypeFor[manifest.Key]()
}

// What crosses to another process comes back as it was, and has no key.
func TestJSON(t *testing.T) {
	var task Task
	var summary Summary
	for _, v := range []any{&task, &summary} {
		of := reflect.ValueOf(v).Elem()
		full(t, of)
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(of.Type())
		if err := json.Unmarshal(data, back.Interface()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(of.Interface(), back.Elem().Interface()); d != "" {
			t.Errorf("%s (-want +got):\n%s", data, d)
		}
		if keys(of.Type()) {
			t.Errorf("a %v can have a key", of.Type())
		}
	}
	if !keys(reflect.TypeFor[receipt.Receipt]()) {
		t.Error("a receipt's key is not found")
	}
}

// Summaries add up to what counting everything at once would have given.
func TestMerge(t *testing.T) {
	until := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	refused := receipt.CauseOf(&objectstore.Error{Op: "GetObject", Bucket: "us:acme", Kind: objectstore.ErrDenied})
	receipts := []receipt.Receipt{
		{Size: 5, Verdict: receipt.Verified, Method: receipt.SHA256, Added: []string{"encryption AES256"}},
		{Size: 6, Verdict: receipt.Verified, Method: receipt.Checksum, Held: true},
		{Size: 7, Verdict: receipt.Failed, Lasting: true, Cause: refused},
		{Size: 8, Verdict: receipt.Failed, Lasting: true, Cause: refused},
		{Size: 9, Verdict: receipt.Failed},
	}
	erasures := []receipt.Erasure{
		{Outcome: receipt.Erased, Guard: eraser.GuardVersion}, {Outcome: receipt.Gone, Guard: eraser.GuardVersion},
		{Outcome: receipt.Retained, Guard: eraser.GuardVersion, Until: &until},
		{Outcome: receipt.Retained, Guard: eraser.GuardVersion},
		{Outcome: receipt.Unerased, Guard: eraser.GuardNone, Cause: refused},
	}
	var whole, parts Summary
	for i := range receipts {
		var one Summary
		one.Count(&receipts[i], i%2 == 0)
		one.CountErasure(&erasures[i])
		parts.Merge(one)
		whole.Count(&receipts[i], i%2 == 0)
		whole.CountErasure(&erasures[i])
	}
	if d := cmp.Diff(whole, parts); d != "" {
		t.Errorf("added up (-at once +one by one):\n%s", d)
	}
	want := Summary{Entries: 5, Bytes: 35, Held: 1, Streamed: 3, ServerSide: 2,
		Verdicts: map[string]int64{"verified": 2, "failed": 3}, Methods: map[string]int64{"sha256": 1, "checksum": 1},
		Added: map[string]int64{"encryption AES256": 1},
		Failed: receipt.Failures{Entries: 3, Lasting: 2,
			Causes: []receipt.CauseCount{{Cause: *refused, Entries: 2}}},
		Erasures: map[string]int64{"erased": 1, "gone": 1, "retained": 2, "failed": 1},
		Guards:   map[string]int64{eraser.GuardVersion: 4, eraser.GuardNone: 1},
		Unerased: receipt.Failures{Entries: 1, Causes: []receipt.CauseCount{{Cause: *refused, Entries: 1}}},
		Retained: Retained{Entries: 2, Until: until, Hold: true}, Left: 3}
	if d := cmp.Diff(want, whole); d != "" {
		t.Errorf("counted (-want +got):\n%s", d)
	}
	if whole.Verified() {
		t.Error("verified, with three failures")
	}
}
