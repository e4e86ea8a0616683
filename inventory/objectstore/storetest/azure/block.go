package azure

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"slices"
)

func (s *Server) putBlock(x *exchange) *answer {
	id := x.query.Get("blockid")
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) < 1 || len(raw) > 64 || !blobName(x.key) {
		return badQuery()
	}
	said, refused := arrived(x)
	if refused != nil {
		return refused
	}
	b := x.container.blobs[x.key]
	if b == nil {
		b = new(blob)
	}
	for _, p := range b.blocks { // "Put Block": the IDs of a blob are equally long
		if len(p.id) != len(id) {
			return refuse(http.StatusBadRequest, "InvalidBlobOrBlock")
		}
	}
	b.blocks = append(slices.DeleteFunc(b.blocks, func(p part) bool { return p.id == id }), part{id, x.body})
	b.touched = s.tick()
	x.container.hold(x.key, b)
	said["x-ms-request-server-encrypted"] = "true"
	return &answer{status: http.StatusCreated, header: said}
}

// putBlockList makes a blob of blocks. Whatever it says of their MD5 is kept and never compared ("Put Block
// List", x-ms-blob-content-md5).
func (s *Server) putBlockList(x *exchange) *answer {
	said, refused := arrived(x)
	if refused != nil {
		return refused
	}
	v, refused := s.newVersion(x)
	if refused != nil {
		return refused
	}
	var list struct {
		XMLName xml.Name `xml:"BlockList"`
		IDs     []struct {
			XMLName xml.Name
			ID      string `xml:",chardata"`
		} `xml:",any"`
	}
	if xml.Unmarshal(x.body, &list) != nil {
		return refuse(http.StatusBadRequest, "InvalidXmlDocument")
	}
	b := x.container.blobs[x.key]
	if b == nil {
		b = new(blob)
	}
	var data bytes.Buffer
	for _, one := range list.IDs {
		i := slices.IndexFunc(b.blocks, func(p part) bool { return p.id == one.ID })
		if i < 0 || one.XMLName.Local != "Uncommitted" && one.XMLName.Local != "Latest" {
			return refuse(http.StatusBadRequest, "InvalidBlockList")
		}
		_, _ = data.Write(b.blocks[i].data)
		v.parts = append(v.parts, int64(len(b.blocks[i].data)))
	}
	v.data = data.Bytes()
	if sum := x.head("X-Ms-Blob-Content-Md5"); sum != "" {
		v.header["Content-MD5"] = sum
	}
	return s.commit(x, v, said)
}

func (s *Server) getBlockList(x *exchange) *answer {
	b := x.container.blobs[x.key]
	if b == nil || b.current == nil && len(b.blocks) == 0 {
		return notFound()
	}
	type listed struct {
		Name string
		Size int
	}
	out := struct {
		XMLName     xml.Name `xml:"BlockList"`
		Uncommitted []listed `xml:"UncommittedBlocks>Block"`
	}{}
	if x.query.Get("blocklisttype") != "uncommitted" {
		return badQuery() // the others are not needed
	}
	for _, p := range b.blocks {
		out.Uncommitted = append(out.Uncommitted, listed{p.id, len(p.data)})
	}
	return document(out)
}
