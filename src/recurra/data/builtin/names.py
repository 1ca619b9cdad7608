"""Names of chemical elements, stars and dinosaurs."""

from __future__ import annotations

from recurra.data.builtin.scene_parts import PARTS, part_of
from recurra.data.examples import Examples, Place
from recurra.errors import Fault

NAMES: dict[str, tuple[str, ...]] = {
    "element": tuple(
        """
Hydrogen Helium Lithium Beryllium Boron Carbon Nitrogen Oxygen Fluorine Neon Sodium Magnesium Aluminium
Silicon Phosphorus Sulfur Chlorine Argon Potassium Calcium Scandium Titanium Vanadium Chromium Manganese
Iron Cobalt Nickel Copper Zinc Gallium Germanium Arsenic Selenium Bromine Krypton Rubidium Strontium Yttrium
Zirconium Niobium Molybdenum Technetium Ruthenium Rhodium Palladium Silver Cadmium Indium Tin Antimony
Tellurium Iodine Xenon Caesium Barium Lanthanum Cerium Praseodymium Neodymium Promethium Samarium Europium
Gadolinium Terbium Dysprosium Holmium Erbium Thulium Ytterbium Lutetium Hafnium Tantalum Tungsten Rhenium
Osmium Iridium Platinum Gold Mercury Thallium Lead Bismuth Polonium Astatine Radon Francium Radium Actinium
Thorium Protactinium Uranium Neptunium Plutonium Americium Curium Berkelium Californium Einsteinium Fermium
Mendelevium Nobelium Lawrencium Rutherfordium Dubnium Seaborgium Bohrium Hassium Meitnerium Darmstadtium
Roentgenium Copernicium Nihonium Flerovium Moscovium Livermorium Tennessine Oganesson
""".split()
    ),
    "star": tuple(
        """
Acamar Achernar Achird Acrab Acrux Acubens Adhafera Adhara Ain Albali Albireo Alchiba Alcor Alcyone
Aldebaran Alderamin Alfirk Algenib Algieba Algol Algorab Alhena Alioth Alkaid Alkes Almaaz Almach Alnair
Alnasl Alnilam Alnitak Alphard Alphecca Alpheratz Alrescha Alshain Altair Altais Aludra Ankaa Antares
Arcturus Arneb Ascella Asterope Atik Atlas Atria Avior Azha Bellatrix Betelgeuse Canopus Capella Caph Castor
Cebalrai Celaeno Chara Chertan Cursa Dabih Deneb Denebola Diadem Diphda Dschubba Dubhe Edasich Electra
Elnath Eltanin Enif Errai Fomalhaut Fumalsamakah Furud Gacrux Giausar Gienah Gomeisa Grumium Hadar Hamal
Hassaleh Heze Homam Izar Jabbah Keid Kitalpha Kochab Kornephoros Kraz Lesath Maasym Maia Marfik Markab
Markeb Matar Mebsuta Megrez Meissa Mekbuda Menkalinan Menkar Menkent Menkib Merak Merope Mesarthim
Miaplacidus Mimosa Mintaka Mira Mirach Mirfak Mirzam Mizar Muphrid Muscida Naos Nashira Nekkar Nihal Nunki
Nusakan Okab Peacock Phact Phecda Pherkad Pleione Polaris Pollux Porrima Procyon Propus Rasalas Rasalgethi
Rasalhague Rastaban Regulus Rigel Rotanev Ruchbah Rukbat Sabik Sadachbia Sadalbari Sadalmelik Sadalsuud Sadr
Saiph Sargas Sarin Scheat Schedar Seginus Shaula Sheliak Sheratan Sirius Skat Spica Sualocin Suhail Sulafat
Syrma Talitha Tarazed Taygeta Tegmine Thuban Unukalhai Vega Vindemiatrix Wasat Wezen Yildun Zaniah Zaurak
Zavijava Zosma Zubenelgenubi Zubeneschamali
""".split()
    ),
    "dinosaur": tuple(
        """
Abelisaurus Achelousaurus Acrocanthosaurus Aegyptosaurus Afrovenator Agilisaurus Alamosaurus Albertosaurus
Alectrosaurus Alioramus Allosaurus Altirhinus Alvarezsaurus Alxasaurus Amargasaurus Ammosaurus Ampelosaurus
Anchiceratops Anchisaurus Ankylosaurus Anserimimus Antarctosaurus Apatosaurus Aralosaurus Archaeoceratops
Argentinosaurus Arrhinoceratops Atlascopcosaurus Aucasaurus Austrosaurus Avaceratops Avimimus Bactrosaurus
Bagaceratops Barapasaurus Barosaurus Baryonyx Beipiaosaurus Bellusaurus Brachiosaurus Brachylophosaurus
Brontosaurus Camarasaurus Camptosaurus Carcharodontosaurus Carnotaurus Caudipteryx Centrosaurus Ceratosaurus
Cetiosaurus Chasmosaurus Chialingosaurus Chilantaisaurus Chindesaurus Citipati Coelophysis Coelurus
Compsognathus Conchoraptor Corythosaurus Cryolophosaurus Dacentrurus Daspletosaurus Datousaurus Deinocheirus
Deinonychus Diceratops Dicraeosaurus Dilophosaurus Diplodocus Dromaeosaurus Dromiceiomimus Dryosaurus
Dryptosaurus Edmontonia Edmontosaurus Einiosaurus Elaphrosaurus Eoraptor Erlikosaurus Euoplocephalus
Euskelosaurus Eustreptospondylus Fukuiraptor Gallimimus Garudimimus Gasosaurus Gasparinisaura Gastonia
Giganotosaurus Gilmoreosaurus Gojirasaurus Gorgosaurus Goyocephale Guanlong Hadrosaurus Haplocanthosaurus
Harpymimus Herrerasaurus Heterodontosaurus Homalocephale Huayangosaurus Hylaeosaurus Hypacrosaurus
Hypsilophodon Iguanodon Indosuchus Ingenia Irritator Janenschia Jaxartosaurus Jobaria Kentrosaurus Khaan
Kotasaurus Kritosaurus Lambeosaurus Leaellynasaura Leptoceratops Lesothosaurus Lexovisaurus Liliensternus
Lophorhothon Lufengosaurus Lurdusaurus Lycorhinus Magyarosaurus Maiasaura Majungasaurus Malawisaurus
Mamenchisaurus Mandschurosaurus Mapusaurus Masiakasaurus Massospondylus Megalosaurus Melanorosaurus
Metriacanthosaurus Microceratops Micropachycephalosaurus Microraptor Minmi Monolophosaurus Montanoceratops
Mussaurus Muttaburrasaurus Nanosaurus Nedoceratops Nemegtosaurus Neovenator Nigersaurus Nipponosaurus
Noasaurus Nodosaurus Nothronychus Omeisaurus Opisthocoelicaudia Ornitholestes Ornithomimus Orodromeus
Othnielia Ouranosaurus Oviraptor Pachycephalosaurus Pachyrhinosaurus Panoplosaurus Parasaurolophus
Parksosaurus Patagosaurus Pelecanimimus Pelorosaurus Pentaceratops Piatnitzkysaurus Pinacosaurus
Plateosaurus Pleurocoelus Polacanthus Prenocephale Probactrosaurus Proceratosaurus Procompsognathus
Prosaurolophus Protarchaeopteryx Protoceratops Psittacosaurus Quaesitosaurus Rapetosaurus Rebbachisaurus
Rhabdodon Rhoetosaurus Rinchenia Riojasaurus Rugops Saichania Saltasaurus Saltopus Sarcolestes Saurolophus
Sauropelta Saurophaganax Saurornithoides Scelidosaurus Scipionyx Scutellosaurus Segisaurus Segnosaurus
Seismosaurus Shamosaurus Shantungosaurus Shunosaurus Shuvuuia Silvisaurus Sinocalliopteryx Sinornithosaurus
Sinosauropteryx Sinraptor Sonidosaurus Spinosaurus Staurikosaurus Stegoceras Stegosaurus Struthiomimus
Struthiosaurus Stygimoloch Styracosaurus Suchomimus Supersaurus Talarurus Tarbosaurus Tarchia Telmatosaurus
Tenontosaurus Thecodontosaurus Therizinosaurus Thescelosaurus Titanosaurus Torosaurus Torvosaurus
Triceratops Troodon Tsintaosaurus Tuojiangosaurus Turanoceratops Tylocephale Tyrannosaurus Udanoceratops
Ultrasauros Unenlagia Utahraptor Valdosaurus Velociraptor Vulcanodon Wannanosaurus Wuerhosaurus Xiaosaurus
Yandusaurus Yangchuanosaurus Yunnanosaurus Zephyrosaurus Zigongosaurus Zuniceratops
""".split()
    ),
}
"""Kind -> names: the elements by number, stars (approved names of one word) and genera by letter."""


def names(*, part: str = "train") -> Examples:
    """Names of elements, stars and dinosaurs: columns `name`, `kind` and `text`, "dinosaur: Allosaurus".

    Args:
        part: "train", "validation" or "test": 8 of 10 names, and one each.
    """
    if part not in PARTS:
        raise Fault(f"names: part = {part!r} found, expected one of {', '.join(PARTS)}")
    pairs = [(kind, name) for kind, listed in NAMES.items() for name in listed if part_of(name) == part]
    columns = {
        "text": [f"{kind}: {name}" for kind, name in pairs],
        "name": [name for _, name in pairs],
        "kind": [kind for kind, _ in pairs],
    }
    return Examples(columns, [Place("names", n + 1, "name") for n in range(len(pairs))], "names")
