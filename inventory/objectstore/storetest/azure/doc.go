// Package azure is a strict stand-in for Azure Blob Storage and for what Azure Resource Manager
// says of storage accounts, written from Microsoft's documents, over a small model in memory.
//
// It refuses every parameter and header that it does not know, and obeys no deletion that the
// service would refuse. Each rule names the page that it is from. Emulators do the opposite:
// Azurite takes a version ID for nothing and deletes what is current.
//
// What no page tells and only reports of others do, or what is an assumption, is marked so.
package azure
