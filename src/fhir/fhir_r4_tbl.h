/* SPDX-License-Identifier: Apache-2.0 */
/* Written by tools/fhir_tables.py from the HL7 FHIR 4.0.1 definitions, which HL7 places
 * in the public domain (CC0). X(owner, member, least, many, "types", "codes of a required
 * binding, or types a reference may name") */
#ifndef FHIR_R4_TBL_H
#define FHIR_R4_TBL_H
/* clang-format off */
#define FHIR_R4_ELEMENTS(X) \
    X("Address", "id", 0, false, "string", "") \
    X("Address", "extension", 0, true, "Extension", "") \
    X("Address", "use", 0, false, "code", "home work temp old billing") \
    X("Address", "type", 0, false, "code", "postal physical both") \
    X("Address", "text", 0, false, "string", "") \
    X("Address", "line", 0, true, "string", "") \
    X("Address", "city", 0, false, "string", "") \
    X("Address", "district", 0, false, "string", "") \
    X("Address", "state", 0, false, "string", "") \
    X("Address", "postalCode", 0, false, "string", "") \
    X("Address", "country", 0, false, "string", "") \
    X("Address", "period", 0, false, "Period", "") \
    X("Age", "id", 0, false, "string", "") \
    X("Age", "extension", 0, true, "Extension", "") \
    X("Age", "value", 0, false, "decimal", "") \
    X("Age", "comparator", 0, false, "code", "< <= >= >") \
    X("Age", "unit", 0, false, "string", "") \
    X("Age", "system", 0, false, "uri", "") \
    X("Age", "code", 0, false, "code", "") \
    X("Annotation", "id", 0, false, "string", "") \
    X("Annotation", "extension", 0, true, "Extension", "") \
    X("Annotation", "author[x]", 0, false, "Reference string", "Practitioner Patient RelatedPerson Organization") \
    X("Annotation", "time", 0, false, "dateTime", "") \
    X("Annotation", "text", 1, false, "markdown", "") \
    X("Attachment", "id", 0, false, "string", "") \
    X("Attachment", "extension", 0, true, "Extension", "") \
    X("Attachment", "contentType", 0, false, "code", "") \
    X("Attachment", "language", 0, false, "code", "") \
    X("Attachment", "data", 0, false, "base64Binary", "") \
    X("Attachment", "url", 0, false, "url", "") \
    X("Attachment", "size", 0, false, "unsignedInt", "") \
    X("Attachment", "hash", 0, false, "base64Binary", "") \
    X("Attachment", "title", 0, false, "string", "") \
    X("Attachment", "creation", 0, false, "dateTime", "") \
    X("CodeableConcept", "id", 0, false, "string", "") \
    X("CodeableConcept", "extension", 0, true, "Extension", "") \
    X("CodeableConcept", "coding", 0, true, "Coding", "") \
    X("CodeableConcept", "text", 0, false, "string", "") \
    X("Coding", "id", 0, false, "string", "") \
    X("Coding", "extension", 0, true, "Extension", "") \
    X("Coding", "system", 0, false, "uri", "") \
    X("Coding", "version", 0, false, "string", "") \
    X("Coding", "code", 0, false, "code", "") \
    X("Coding", "display", 0, false, "string", "") \
    X("Coding", "userSelected", 0, false, "boolean", "") \
    X("ContactDetail", "id", 0, false, "string", "") \
    X("ContactDetail", "extension", 0, true, "Extension", "") \
    X("ContactDetail", "name", 0, false, "string", "") \
    X("ContactDetail", "telecom", 0, true, "ContactPoint", "") \
    X("ContactPoint", "id", 0, false, "string", "") \
    X("ContactPoint", "extension", 0, true, "Extension", "") \
    X("ContactPoint", "system", 0, false, "code", "phone fax email pager url sms other") \
    X("ContactPoint", "value", 0, false, "string", "") \
    X("ContactPoint", "use", 0, false, "code", "home work temp old mobile") \
    X("ContactPoint", "rank", 0, false, "positiveInt", "") \
    X("ContactPoint", "period", 0, false, "Period", "") \
    X("Contributor", "id", 0, false, "string", "") \
    X("Contributor", "extension", 0, true, "Extension", "") \
    X("Contributor", "type", 1, false, "code", "author editor reviewer endorser") \
    X("Contributor", "name", 1, false, "string", "") \
    X("Contributor", "contact", 0, true, "ContactDetail", "") \
    X("Count", "id", 0, false, "string", "") \
    X("Count", "extension", 0, true, "Extension", "") \
    X("Count", "value", 0, false, "decimal", "") \
    X("Count", "comparator", 0, false, "code", "< <= >= >") \
    X("Count", "unit", 0, false, "string", "") \
    X("Count", "system", 0, false, "uri", "") \
    X("Count", "code", 0, false, "code", "") \
    X("DataRequirement", "id", 0, false, "string", "") \
    X("DataRequirement", "extension", 0, true, "Extension", "") \
    X("DataRequirement", "type", 1, false, "code", "") \
    X("DataRequirement", "profile", 0, true, "canonical", "StructureDefinition") \
    X("DataRequirement", "subject[x]", 0, false, "CodeableConcept Reference", "Group") \
    X("DataRequirement", "mustSupport", 0, true, "string", "") \
    X("DataRequirement", "codeFilter", 0, true, "DataRequirement.codeFilter", "") \
    X("DataRequirement", "dateFilter", 0, true, "DataRequirement.dateFilter", "") \
    X("DataRequirement", "limit", 0, false, "positiveInt", "") \
    X("DataRequirement", "sort", 0, true, "DataRequirement.sort", "") \
    X("DataRequirement.codeFilter", "id", 0, false, "string", "") \
    X("DataRequirement.codeFilter", "extension", 0, true, "Extension", "") \
    X("DataRequirement.codeFilter", "path", 0, false, "string", "") \
    X("DataRequirement.codeFilter", "searchParam", 0, false, "string", "") \
    X("DataRequirement.codeFilter", "valueSet", 0, false, "canonical", "ValueSet") \
    X("DataRequirement.codeFilter", "code", 0, true, "Coding", "") \
    X("DataRequirement.dateFilter", "id", 0, false, "string", "") \
    X("DataRequirement.dateFilter", "extension", 0, true, "Extension", "") \
    X("DataRequirement.dateFilter", "path", 0, false, "string", "") \
    X("DataRequirement.dateFilter", "searchParam", 0, false, "string", "") \
    X("DataRequirement.dateFilter", "value[x]", 0, false, "dateTime Period Duration", "") \
    X("DataRequirement.sort", "id", 0, false, "string", "") \
    X("DataRequirement.sort", "extension", 0, true, "Extension", "") \
    X("DataRequirement.sort", "path", 1, false, "string", "") \
    X("DataRequirement.sort", "direction", 1, false, "code", "ascending descending") \
    X("Device", "id", 0, false, "string", "") \
    X("Device", "meta", 0, false, "Meta", "") \
    X("Device", "implicitRules", 0, false, "uri", "") \
    X("Device", "language", 0, false, "code", "") \
    X("Device", "text", 0, false, "Narrative", "") \
    X("Device", "contained", 0, true, "Resource", "") \
    X("Device", "extension", 0, true, "Extension", "") \
    X("Device", "modifierExtension", 0, true, "Extension", "") \
    X("Device", "identifier", 0, true, "Identifier", "") \
    X("Device", "definition", 0, false, "Reference", "DeviceDefinition") \
    X("Device", "udiCarrier", 0, true, "Device.udiCarrier", "") \
    X("Device", "status", 0, false, "code", "active inactive entered-in-error unknown") \
    X("Device", "statusReason", 0, true, "CodeableConcept", "") \
    X("Device", "distinctIdentifier", 0, false, "string", "") \
    X("Device", "manufacturer", 0, false, "string", "") \
    X("Device", "manufactureDate", 0, false, "dateTime", "") \
    X("Device", "expirationDate", 0, false, "dateTime", "") \
    X("Device", "lotNumber", 0, false, "string", "") \
    X("Device", "serialNumber", 0, false, "string", "") \
    X("Device", "deviceName", 0, true, "Device.deviceName", "") \
    X("Device", "modelNumber", 0, false, "string", "") \
    X("Device", "partNumber", 0, false, "string", "") \
    X("Device", "type", 0, false, "CodeableConcept", "") \
    X("Device", "specialization", 0, true, "Device.specialization", "") \
    X("Device", "version", 0, true, "Device.version", "") \
    X("Device", "property", 0, true, "Device.property", "") \
    X("Device", "patient", 0, false, "Reference", "Patient") \
    X("Device", "owner", 0, false, "Reference", "Organization") \
    X("Device", "contact", 0, true, "ContactPoint", "") \
    X("Device", "location", 0, false, "Reference", "Location") \
    X("Device", "url", 0, false, "uri", "") \
    X("Device", "note", 0, true, "Annotation", "") \
    X("Device", "safety", 0, true, "CodeableConcept", "") \
    X("Device", "parent", 0, false, "Reference", "Device") \
    X("Device.deviceName", "id", 0, false, "string", "") \
    X("Device.deviceName", "extension", 0, true, "Extension", "") \
    X("Device.deviceName", "modifierExtension", 0, true, "Extension", "") \
    X("Device.deviceName", "name", 1, false, "string", "") \
    X("Device.deviceName", "type", 1, false, "code", "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name other") \
    X("Device.property", "id", 0, false, "string", "") \
    X("Device.property", "extension", 0, true, "Extension", "") \
    X("Device.property", "modifierExtension", 0, true, "Extension", "") \
    X("Device.property", "type", 1, false, "CodeableConcept", "") \
    X("Device.property", "valueQuantity", 0, true, "Quantity", "") \
    X("Device.property", "valueCode", 0, true, "CodeableConcept", "") \
    X("Device.specialization", "id", 0, false, "string", "") \
    X("Device.specialization", "extension", 0, true, "Extension", "") \
    X("Device.specialization", "modifierExtension", 0, true, "Extension", "") \
    X("Device.specialization", "systemType", 1, false, "CodeableConcept", "") \
    X("Device.specialization", "version", 0, false, "string", "") \
    X("Device.udiCarrier", "id", 0, false, "string", "") \
    X("Device.udiCarrier", "extension", 0, true, "Extension", "") \
    X("Device.udiCarrier", "modifierExtension", 0, true, "Extension", "") \
    X("Device.udiCarrier", "deviceIdentifier", 0, false, "string", "") \
    X("Device.udiCarrier", "issuer", 0, false, "uri", "") \
    X("Device.udiCarrier", "jurisdiction", 0, false, "uri", "") \
    X("Device.udiCarrier", "carrierAIDC", 0, false, "base64Binary", "") \
    X("Device.udiCarrier", "carrierHRF", 0, false, "string", "") \
    X("Device.udiCarrier", "entryType", 0, false, "code", "barcode rfid manual card self-reported unknown") \
    X("Device.version", "id", 0, false, "string", "") \
    X("Device.version", "extension", 0, true, "Extension", "") \
    X("Device.version", "modifierExtension", 0, true, "Extension", "") \
    X("Device.version", "type", 0, false, "CodeableConcept", "") \
    X("Device.version", "component", 0, false, "Identifier", "") \
    X("Device.version", "value", 1, false, "string", "") \
    X("Distance", "id", 0, false, "string", "") \
    X("Distance", "extension", 0, true, "Extension", "") \
    X("Distance", "value", 0, false, "decimal", "") \
    X("Distance", "comparator", 0, false, "code", "< <= >= >") \
    X("Distance", "unit", 0, false, "string", "") \
    X("Distance", "system", 0, false, "uri", "") \
    X("Distance", "code", 0, false, "code", "") \
    X("DocumentReference", "id", 0, false, "string", "") \
    X("DocumentReference", "meta", 0, false, "Meta", "") \
    X("DocumentReference", "implicitRules", 0, false, "uri", "") \
    X("DocumentReference", "language", 0, false, "code", "") \
    X("DocumentReference", "text", 0, false, "Narrative", "") \
    X("DocumentReference", "contained", 0, true, "Resource", "") \
    X("DocumentReference", "extension", 0, true, "Extension", "") \
    X("DocumentReference", "modifierExtension", 0, true, "Extension", "") \
    X("DocumentReference", "masterIdentifier", 0, false, "Identifier", "") \
    X("DocumentReference", "identifier", 0, true, "Identifier", "") \
    X("DocumentReference", "status", 1, false, "code", "current superseded entered-in-error") \
    X("DocumentReference", "docStatus", 0, false, "code", "preliminary final amended entered-in-error") \
    X("DocumentReference", "type", 0, false, "CodeableConcept", "") \
    X("DocumentReference", "category", 0, true, "CodeableConcept", "") \
    X("DocumentReference", "subject", 0, false, "Reference", "Patient Practitioner Group Device") \
    X("DocumentReference", "date", 0, false, "instant", "") \
    X("DocumentReference", "author", 0, true, "Reference", "Practitioner PractitionerRole Organization Device Patient RelatedPerson") \
    X("DocumentReference", "authenticator", 0, false, "Reference", "Practitioner PractitionerRole Organization") \
    X("DocumentReference", "custodian", 0, false, "Reference", "Organization") \
    X("DocumentReference", "relatesTo", 0, true, "DocumentReference.relatesTo", "") \
    X("DocumentReference", "description", 0, false, "string", "") \
    X("DocumentReference", "securityLabel", 0, true, "CodeableConcept", "") \
    X("DocumentReference", "content", 1, true, "DocumentReference.content", "") \
    X("DocumentReference", "context", 0, false, "DocumentReference.context", "") \
    X("DocumentReference.content", "id", 0, false, "string", "") \
    X("DocumentReference.content", "extension", 0, true, "Extension", "") \
    X("DocumentReference.content", "modifierExtension", 0, true, "Extension", "") \
    X("DocumentReference.content", "attachment", 1, false, "Attachment", "") \
    X("DocumentReference.content", "format", 0, false, "Coding", "") \
    X("DocumentReference.context", "id", 0, false, "string", "") \
    X("DocumentReference.context", "extension", 0, true, "Extension", "") \
    X("DocumentReference.context", "modifierExtension", 0, true, "Extension", "") \
    X("DocumentReference.context", "encounter", 0, true, "Reference", "Encounter EpisodeOfCare") \
    X("DocumentReference.context", "event", 0, true, "CodeableConcept", "") \
    X("DocumentReference.context", "period", 0, false, "Period", "") \
    X("DocumentReference.context", "facilityType", 0, false, "CodeableConcept", "") \
    X("DocumentReference.context", "practiceSetting", 0, false, "CodeableConcept", "") \
    X("DocumentReference.context", "sourcePatientInfo", 0, false, "Reference", "Patient") \
    X("DocumentReference.context", "related", 0, true, "Reference", "") \
    X("DocumentReference.relatesTo", "id", 0, false, "string", "") \
    X("DocumentReference.relatesTo", "extension", 0, true, "Extension", "") \
    X("DocumentReference.relatesTo", "modifierExtension", 0, true, "Extension", "") \
    X("DocumentReference.relatesTo", "code", 1, false, "code", "replaces transforms signs appends") \
    X("DocumentReference.relatesTo", "target", 1, false, "Reference", "DocumentReference") \
    X("Dosage", "id", 0, false, "string", "") \
    X("Dosage", "extension", 0, true, "Extension", "") \
    X("Dosage", "modifierExtension", 0, true, "Extension", "") \
    X("Dosage", "sequence", 0, false, "integer", "") \
    X("Dosage", "text", 0, false, "string", "") \
    X("Dosage", "additionalInstruction", 0, true, "CodeableConcept", "") \
    X("Dosage", "patientInstruction", 0, false, "string", "") \
    X("Dosage", "timing", 0, false, "Timing", "") \
    X("Dosage", "asNeeded[x]", 0, false, "boolean CodeableConcept", "") \
    X("Dosage", "site", 0, false, "CodeableConcept", "") \
    X("Dosage", "route", 0, false, "CodeableConcept", "") \
    X("Dosage", "method", 0, false, "CodeableConcept", "") \
    X("Dosage", "doseAndRate", 0, true, "Dosage.doseAndRate", "") \
    X("Dosage", "maxDosePerPeriod", 0, false, "Ratio", "") \
    X("Dosage", "maxDosePerAdministration", 0, false, "Quantity", "") \
    X("Dosage", "maxDosePerLifetime", 0, false, "Quantity", "") \
    X("Dosage.doseAndRate", "id", 0, false, "string", "") \
    X("Dosage.doseAndRate", "extension", 0, true, "Extension", "") \
    X("Dosage.doseAndRate", "type", 0, false, "CodeableConcept", "") \
    X("Dosage.doseAndRate", "dose[x]", 0, false, "Range Quantity", "") \
    X("Dosage.doseAndRate", "rate[x]", 0, false, "Ratio Range Quantity", "") \
    X("Duration", "id", 0, false, "string", "") \
    X("Duration", "extension", 0, true, "Extension", "") \
    X("Duration", "value", 0, false, "decimal", "") \
    X("Duration", "comparator", 0, false, "code", "< <= >= >") \
    X("Duration", "unit", 0, false, "string", "") \
    X("Duration", "system", 0, false, "uri", "") \
    X("Duration", "code", 0, false, "code", "") \
    X("Element", "id", 0, false, "string", "") \
    X("Element", "extension", 0, true, "Extension", "") \
    X("Expression", "id", 0, false, "string", "") \
    X("Expression", "extension", 0, true, "Extension", "") \
    X("Expression", "description", 0, false, "string", "") \
    X("Expression", "name", 0, false, "id", "") \
    X("Expression", "language", 1, false, "code", "") \
    X("Expression", "expression", 0, false, "string", "") \
    X("Expression", "reference", 0, false, "uri", "") \
    X("Extension", "id", 0, false, "string", "") \
    X("Extension", "extension", 0, true, "Extension", "") \
    X("Extension", "url", 1, false, "string", "") \
    X("Extension", "value[x]", 0, false, "base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time unsignedInt uri url uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance Duration HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition UsageContext Dosage Meta", "") \
    X("HumanName", "id", 0, false, "string", "") \
    X("HumanName", "extension", 0, true, "Extension", "") \
    X("HumanName", "use", 0, false, "code", "usual official temp nickname anonymous old maiden") \
    X("HumanName", "text", 0, false, "string", "") \
    X("HumanName", "family", 0, false, "string", "") \
    X("HumanName", "given", 0, true, "string", "") \
    X("HumanName", "prefix", 0, true, "string", "") \
    X("HumanName", "suffix", 0, true, "string", "") \
    X("HumanName", "period", 0, false, "Period", "") \
    X("Identifier", "id", 0, false, "string", "") \
    X("Identifier", "extension", 0, true, "Extension", "") \
    X("Identifier", "use", 0, false, "code", "usual official temp secondary old") \
    X("Identifier", "type", 0, false, "CodeableConcept", "") \
    X("Identifier", "system", 0, false, "uri", "") \
    X("Identifier", "value", 0, false, "string", "") \
    X("Identifier", "period", 0, false, "Period", "") \
    X("Identifier", "assigner", 0, false, "Reference", "Organization") \
    X("Meta", "id", 0, false, "string", "") \
    X("Meta", "extension", 0, true, "Extension", "") \
    X("Meta", "versionId", 0, false, "id", "") \
    X("Meta", "lastUpdated", 0, false, "instant", "") \
    X("Meta", "source", 0, false, "uri", "") \
    X("Meta", "profile", 0, true, "canonical", "StructureDefinition") \
    X("Meta", "security", 0, true, "Coding", "") \
    X("Meta", "tag", 0, true, "Coding", "") \
    X("Meta", "project", 0, false, "uri", "") \
    X("Meta", "author", 0, false, "Reference", "") \
    X("Meta", "onBehalfOf", 0, false, "Reference", "") \
    X("Meta", "account", 0, false, "Reference", "") \
    X("Meta", "accounts", 0, true, "Reference", "") \
    X("Meta", "compartment", 0, true, "Reference", "") \
    X("Money", "id", 0, false, "string", "") \
    X("Money", "extension", 0, true, "Extension", "") \
    X("Money", "value", 0, false, "decimal", "") \
    X("Money", "currency", 0, false, "code", "") \
    X("Narrative", "id", 0, false, "string", "") \
    X("Narrative", "extension", 0, true, "Extension", "") \
    X("Narrative", "status", 1, false, "code", "generated extensions additional empty") \
    X("Narrative", "div", 1, false, "xhtml", "") \
    X("ParameterDefinition", "id", 0, false, "string", "") \
    X("ParameterDefinition", "extension", 0, true, "Extension", "") \
    X("ParameterDefinition", "name", 0, false, "code", "") \
    X("ParameterDefinition", "use", 1, false, "code", "in out") \
    X("ParameterDefinition", "min", 0, false, "integer", "") \
    X("ParameterDefinition", "max", 0, false, "string", "") \
    X("ParameterDefinition", "documentation", 0, false, "string", "") \
    X("ParameterDefinition", "type", 1, false, "code", "") \
    X("ParameterDefinition", "profile", 0, false, "canonical", "StructureDefinition") \
    X("Period", "id", 0, false, "string", "") \
    X("Period", "extension", 0, true, "Extension", "") \
    X("Period", "start", 0, false, "dateTime", "") \
    X("Period", "end", 0, false, "dateTime", "") \
    X("Quantity", "id", 0, false, "string", "") \
    X("Quantity", "extension", 0, true, "Extension", "") \
    X("Quantity", "value", 0, false, "decimal", "") \
    X("Quantity", "comparator", 0, false, "code", "< <= >= >") \
    X("Quantity", "unit", 0, false, "string", "") \
    X("Quantity", "system", 0, false, "uri", "") \
    X("Quantity", "code", 0, false, "code", "") \
    X("Range", "id", 0, false, "string", "") \
    X("Range", "extension", 0, true, "Extension", "") \
    X("Range", "low", 0, false, "Quantity", "") \
    X("Range", "high", 0, false, "Quantity", "") \
    X("Ratio", "id", 0, false, "string", "") \
    X("Ratio", "extension", 0, true, "Extension", "") \
    X("Ratio", "numerator", 0, false, "Quantity", "") \
    X("Ratio", "denominator", 0, false, "Quantity", "") \
    X("Reference", "id", 0, false, "string", "") \
    X("Reference", "extension", 0, true, "Extension", "") \
    X("Reference", "reference", 0, false, "string", "") \
    X("Reference", "type", 0, false, "uri", "") \
    X("Reference", "identifier", 0, false, "Identifier", "") \
    X("Reference", "display", 0, false, "string", "") \
    X("RelatedArtifact", "id", 0, false, "string", "") \
    X("RelatedArtifact", "extension", 0, true, "Extension", "") \
    X("RelatedArtifact", "type", 1, false, "code", "documentation justification citation predecessor successor derived-from depends-on composed-of") \
    X("RelatedArtifact", "label", 0, false, "string", "") \
    X("RelatedArtifact", "display", 0, false, "string", "") \
    X("RelatedArtifact", "citation", 0, false, "markdown", "") \
    X("RelatedArtifact", "url", 0, false, "url", "") \
    X("RelatedArtifact", "document", 0, false, "Attachment", "") \
    X("RelatedArtifact", "resource", 0, false, "canonical", "") \
    X("SampledData", "id", 0, false, "string", "") \
    X("SampledData", "extension", 0, true, "Extension", "") \
    X("SampledData", "origin", 1, false, "Quantity", "") \
    X("SampledData", "period", 1, false, "decimal", "") \
    X("SampledData", "factor", 0, false, "decimal", "") \
    X("SampledData", "lowerLimit", 0, false, "decimal", "") \
    X("SampledData", "upperLimit", 0, false, "decimal", "") \
    X("SampledData", "dimensions", 1, false, "positiveInt", "") \
    X("SampledData", "data", 0, false, "string", "") \
    X("Signature", "id", 0, false, "string", "") \
    X("Signature", "extension", 0, true, "Extension", "") \
    X("Signature", "type", 1, true, "Coding", "") \
    X("Signature", "when", 1, false, "instant", "") \
    X("Signature", "who", 1, false, "Reference", "Practitioner PractitionerRole RelatedPerson Patient Device Organization") \
    X("Signature", "onBehalfOf", 0, false, "Reference", "Practitioner PractitionerRole RelatedPerson Patient Device Organization") \
    X("Signature", "targetFormat", 0, false, "code", "") \
    X("Signature", "sigFormat", 0, false, "code", "") \
    X("Signature", "data", 0, false, "base64Binary", "") \
    X("Timing", "id", 0, false, "string", "") \
    X("Timing", "extension", 0, true, "Extension", "") \
    X("Timing", "modifierExtension", 0, true, "Extension", "") \
    X("Timing", "event", 0, true, "dateTime", "") \
    X("Timing", "repeat", 0, false, "Timing.repeat", "") \
    X("Timing", "code", 0, false, "CodeableConcept", "") \
    X("Timing.repeat", "id", 0, false, "string", "") \
    X("Timing.repeat", "extension", 0, true, "Extension", "") \
    X("Timing.repeat", "bounds[x]", 0, false, "Duration Range Period", "") \
    X("Timing.repeat", "count", 0, false, "positiveInt", "") \
    X("Timing.repeat", "countMax", 0, false, "positiveInt", "") \
    X("Timing.repeat", "duration", 0, false, "decimal", "") \
    X("Timing.repeat", "durationMax", 0, false, "decimal", "") \
    X("Timing.repeat", "durationUnit", 0, false, "code", "s min h d wk mo a") \
    X("Timing.repeat", "frequency", 0, false, "positiveInt", "") \
    X("Timing.repeat", "frequencyMax", 0, false, "positiveInt", "") \
    X("Timing.repeat", "period", 0, false, "decimal", "") \
    X("Timing.repeat", "periodMax", 0, false, "decimal", "") \
    X("Timing.repeat", "periodUnit", 0, false, "code", "s min h d wk mo a") \
    X("Timing.repeat", "dayOfWeek", 0, true, "code", "mon tue wed thu fri sat sun") \
    X("Timing.repeat", "timeOfDay", 0, true, "time", "") \
    X("Timing.repeat", "when", 0, true, "code", "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV") \
    X("Timing.repeat", "offset", 0, false, "unsignedInt", "") \
    X("TriggerDefinition", "id", 0, false, "string", "") \
    X("TriggerDefinition", "extension", 0, true, "Extension", "") \
    X("TriggerDefinition", "type", 1, false, "code", "named-event periodic data-changed data-added data-modified data-removed data-accessed data-access-ended") \
    X("TriggerDefinition", "name", 0, false, "string", "") \
    X("TriggerDefinition", "timing[x]", 0, false, "Timing Reference date dateTime", "Schedule") \
    X("TriggerDefinition", "data", 0, true, "DataRequirement", "") \
    X("TriggerDefinition", "condition", 0, false, "Expression", "") \
    X("UsageContext", "id", 0, false, "string", "") \
    X("UsageContext", "extension", 0, true, "Extension", "") \
    X("UsageContext", "code", 1, false, "Coding", "") \
    X("UsageContext", "value[x]", 1, false, "CodeableConcept Quantity Range Reference", "PlanDefinition ResearchStudy InsurancePlan HealthcareService Group Location Organization")
/* clang-format on */
#endif
